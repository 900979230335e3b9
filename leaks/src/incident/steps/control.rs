//! The control run: the same service, told to keep every answer, and the same bench turned on it. Each look says of a true leak what
//! the story's step of the same name says of retention.

use super::bench;
use super::on_jemalloc::lazily;
use super::shared::{PAUSE, ROUNDS, load, load_of, mark, resident_and_live, rest, table, triage};
use crate::incident::plot::draw;
use crate::incident::scene::{Customers, On, Scene, Service};
use crate::incident::story::{Size, Step, Story};
use crate::load::Pace;
use crate::show::scale::bytes;
use std::time::Duration;
use tokio::time::sleep;
use workbook::problem::Result;

/// More bytes of answers than this run can make: none is given up.
const KEPT: u64 = u32::MAX as u64;

/// The service goes on, for the bench.
pub(super) async fn control(
    scene: &Scene,
    size: &Size,
    seconds: u64,
    story: &mut Story,
) -> Result<(Step, Service)> {
    let service = scene.service(On::Glibc, KEPT).await?;
    let began = service.graph.now();
    load(
        &service,
        "the control run",
        ROUNDS * u64::from(size.at_once),
    )
    .await?;
    let looked_at = service.graph.now();
    let url = format!("http://{}", service.debug);
    let time = format!("{seconds}s");
    let arguments = ["triage", "--url", &url, "--for", &time];
    // A usual day: so many customers a second that the service has time to spare. The look begins when that is under way.
    let loading = service.load(
        "customers ask, and every answer is kept",
        Customers::Usual,
        Pace::Open(20.0),
        10_000,
        Duration::from_secs(seconds + 9),
    );
    let looking = async {
        sleep(Duration::from_secs(4)).await;
        triage(scene, &arguments).await
    };
    let (seen, loaded) = tokio::join!(looking, loading);
    loaded?;
    let seen = seen?;
    let after = service.metrics().await?;
    story.plot(
        "control.svg",
        draw(
            "The control run: every answer is kept",
            &resident_and_live(&service.graph.since(began)),
            &[mark(looked_at, "triage")],
        ),
    );
    story.control.clone_from(&seen.word);
    // The word alone isn't enough: what leaks here is live memory, and the service makes it.
    let first = &seen.document["findings"][0];
    let is_named = first["kind"] == "bytes"
        && first["site"]
            .as_str()
            .is_some_and(|site| site.starts_with("domain_service::"));
    let step = Step {
        title: "The control run",
        question: "Would the instrument know a true leak of that size?",
        commands: vec![
            format!("leaks serve --keep-answers {KEPT}   # no bound: every answer is kept"),
            format!("leaks triage --url {url} --for {time}   # under load, 20 customers a second"),
        ],
        evidence: format!("{}\n{}", table(&[("at the end", &after)]), seen.text),
        conclusion: format!(
            "The verdict is {}: live memory grows with the requests. At {} resident the two graphs look alike; the live line tells them apart.",
            seen.word,
            bytes(after.resident())
        ),
        holds: seen.word == "leak" && is_named && after.resident() >= size.resident_from,
        disturbed: Vec::new(),
        plot: Some("control.svg"),
    };
    Ok((step, service))
}

/// What can be asked of the service while it rests, in the order of the story. It is asked for its memory last, since that changes it.
pub(super) async fn bench(
    service: Service,
    size: &Size,
    story: &mut Story,
    add: &mut impl FnMut(&mut Story, Step) -> Result<()>,
) -> Result<()> {
    rest("at rest", PAUSE).await;
    let at_rest = service.metrics().await?;

    let (look, agrees) = bench::machine(&service).await?;
    let step = look.step(
        "Does the machine say what monitoring says?",
        "It does, as it did in step 2: whoever asks the kernel hears one figure.",
        agrees,
    );
    add(story, step)?;

    let (heap, _) = bench::heap(&service).await?;
    let (look, space) = bench::space(&service, &heap).await?;
    let step = look.step(
        "What is in use, and who made it?",
        format!(
            "{} are in use, by estimate, where step 3 had few. The makers are the same: a profile names who made it, and its totals say \
             how much of it is still there.",
            bytes(space.in_use)
        ),
        space.in_use >= 2.0 * size.live_to && space.in_use >= 0.5 * space.now.live(),
    );
    add(story, step)?;

    let look = bench::objects(&heap)?;
    let holds = look.evidence.contains("host_of");
    let step = look.step(
        "Which objects are many?",
        "The strings of the hosts stand out here as well. The names can't tell a leak from a bound that is kept; the count can.",
        holds,
    );
    add(story, step)?;

    let (look, holds) = bench::sockets(&service, &at_rest).await?;
    let step = look.step(
        "Are connections left hanging?",
        "None is. This leak holds no socket.",
        holds,
    );
    add(story, step)?;

    let (look, _, holds) = bench::tasks(&service).await?;
    let step = look.step(
        "Does a task outlive its request?",
        "None does. This leak holds no task.",
        holds,
    );
    add(story, step)?;

    let (look, change) = bench::collect(&service).await?;
    let step = look.step(
        "Is it garbage that nobody collected?",
        "Nothing is collected: what leaks here is held, and it would be no garbage for a collector either.",
        change.is_none() && change.after.live() >= 0.9 * change.before.live(),
    );
    add(story, step)?;

    let (look, change) = bench::wait(&service).await?;
    let step = look.step(
        "Does memory come back when nobody asks?",
        "Nothing comes back, and nothing is added: this leak grows with customers who are new to the service, and not with time.",
        change.is_none() && change.after.live() >= 0.9 * change.before.live(),
    );
    add(story, step)?;

    let (look, change) = bench::trim(&service).await?;
    let step = look.step(
        "How much of it can the allocator give back?",
        format!(
            "Asked, glibc gives {} back: that part was retention. {} stay resident, and the live part of it nobody can give back.",
            bytes(change.before.resident() - change.after.resident()),
            bytes(change.after.resident())
        ),
        change.after.resident() <= 0.9 * change.before.resident()
            && change.after.resident() >= change.after.live()
            && change.after.live() >= 0.9 * change.before.live(),
    );
    add(story, step)
}

/// After a restart: a load, the same customers again, and other customers. The second load takes nothing, since its answers are kept:
/// this leak grows with customers that the service hasn't seen.
pub(super) async fn load_again(scene: &Scene, size: &Size, story: &mut Story) -> Result<Step> {
    let service = scene.service(On::Glibc, KEPT).await?;
    let began = service.graph.now();
    let count = ROUNDS * u64::from(size.at_once);
    let restarted = service.metrics().await?;
    let mut marks = vec![mark(began, "load, for x")];
    load(&service, "load, for x", count).await?;
    rest("stopped", PAUSE).await;
    let loaded = service.metrics().await?;
    marks.push(mark(service.graph.now(), "x again"));
    load(&service, "the same load again", count).await?;
    rest("stopped", PAUSE).await;
    let again = service.metrics().await?;
    marks.push(mark(service.graph.now(), "others"));
    load_of(&service, "a load of other customers", count, count).await?;
    rest("at rest", PAUSE).await;
    let others = service.metrics().await?;
    story.plot(
        "control-reuse.svg",
        draw(
            "Load, the same load, a load of other customers",
            &resident_and_live(&service.graph.since(began)),
            &marks,
        ),
    );
    let added = [(&restarted, &loaded), (&loaded, &again), (&again, &others)]
        .map(|(before, after)| (after.live() - before.live()).max(0.0));
    let [first, second, third] = added.map(bytes);
    let look = bench::Look {
        title: "Load, pause, load",
        commands: vec![
            bench::load_command(&service, size, 0, count),
            format!("sleep {}", PAUSE.as_secs()),
            format!(
                "{}   # x again",
                bench::load_command(&service, size, 0, count)
            ),
            format!("sleep {}", PAUSE.as_secs()),
            format!(
                "{}   # others",
                bench::load_command(&service, size, count, count)
            ),
        ],
        evidence: format!(
            "{}\nthe first load added {first} live, the same load {second}, other customers {third}",
            table(&[
                ("restarted", &restarted),
                ("x", &loaded),
                ("x again, the same customers", &again),
                ("x, of other customers", &others),
            ])
        ),
    };
    let step = look.step(
        "Does a second load add what the first one added?",
        format!(
            "The same load adds {second} live, and other customers add {third}: what is kept grows with customers that the service hasn't \
             seen. So repeat a load with what a leak may grow by."
        ),
        added[1] <= 0.1 * added[0] && added[2] >= 0.5 * added[0],
    );
    Ok(step.with_plot("control-reuse.svg"))
}

pub(super) async fn lazily_freed(
    scene: &Scene,
    size: &Size,
    seconds: u64,
    story: &mut Story,
) -> Result<Step> {
    let lazily = lazily(scene, size, KEPT, seconds).await?;
    let holds = lazily.is_as_told()
        && lazily.after.live() >= 0.9 * lazily.before.live()
        && lazily.word == "retention";
    story.plot("control-lazily-freed.svg", lazily.plot);
    let step = lazily.look.step(
        "What is left when all that is free has been taken?",
        format!(
            "{} are lazily freed, as in step 12, and {}. {} are live, and nobody takes them. The look says retention: nobody asked this \
             service meanwhile, so nothing grew. A leak that grows with requests is seen under load.",
            bytes(lazily.asked.lazily_freed()),
            if lazily.is_squeezed {
                "the squeeze takes them"
            } else {
                "nothing needed them here"
            },
            bytes(lazily.after.live())
        ),
        holds,
    );
    Ok(step.with_plot("control-lazily-freed.svg"))
}
