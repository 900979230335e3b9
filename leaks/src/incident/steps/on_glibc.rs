//! On the system's allocator: from the climbing graph to the verdict, and the memory given back.

use super::bench::{self, load_command};
use super::shared::{PAUSE, ROUNDS, load, load_for, mark, resident_and_live, rest, table, triage};
use crate::incident::plot::draw;
use crate::incident::scene::{Metrics, On, Scene, Service};
use crate::incident::story::{Size, Step, Story};
use crate::show::scale::bytes;
use detectors::Profile;
use workbook::problem::Result;

/// The service, and what its debug port told after the load.
pub(super) async fn climb(
    scene: &Scene,
    size: &Size,
    story: &mut Story,
) -> Result<(Step, (Service, Metrics))> {
    let service = scene.service(On::Glibc, size.kept_bytes).await?;
    let began = service.graph.now();
    let before = service.metrics().await?;
    let count = ROUNDS * u64::from(size.at_once);
    let report = load(&service, "the climb", count).await?;
    let loaded = service.graph.now();
    rest("at rest", PAUSE).await;
    let after = service.metrics().await?;
    let rows = [("before", &before), ("5 s after", &after)];
    story.plot(
        "climb.svg",
        draw(
            "The climb: what monitoring sees, and what the program holds",
            &resident_and_live(&service.graph.since(began)),
            &[mark(loaded, "the load ends")],
        ),
    );
    let holds = after.resident() >= size.resident_from && after.live() <= size.live_to;
    let step = Step {
        title: "Memory climbs and stays",
        question: "The graph only climbs. Does it come down when nobody asks?",
        commands: vec![load_command(&service, size, 0, count)],
        evidence: format!("{report}\n{}", table(&rows)),
        conclusion: format!(
            "{} are resident, and {} are live: {:.0} times as much. It doesn't come down by itself.",
            bytes(after.resident()),
            bytes(after.live()),
            after.resident() / after.live().max(1.0)
        ),
        holds,
        disturbed: Vec::new(),
        plot: Some("climb.svg"),
    };
    Ok((step, (service, after)))
}

pub(super) async fn which_figure(service: &Service) -> Result<Step> {
    let (look, agrees) = bench::machine(service).await?;
    Ok(look.step(
        "The heap profile says one figure, monitoring another. Which one lies?",
        "Neither lies. The kernel counts pages in RAM, whoever asks it. The heap profile counts blocks that are \
         not freed. A page that the allocator keeps is in the first figure and not in the second.",
        agrees,
    ))
}

/// The profile that steps 3 and 4 read, which the run leaves as a file too.
pub(super) async fn heap(service: &Service, story: &mut Story) -> Result<Profile> {
    let (profile, file) = bench::heap(service).await?;
    story.files.push(("heap.pb.gz", file));
    Ok(profile)
}

pub(super) async fn by_space(service: &Service, heap: &Profile, size: &Size) -> Result<Step> {
    let (look, space) = bench::space(service, heap).await?;
    Ok(look.step(
        "What is in use, and who made it?",
        format!(
            "{} are in use, by estimate: the profile is sampled. The handler asks the cluster, parses, and copies hosts out: \
             those hosts and the buffers of connections are in use. {:.0} times as much was allocated in all, and freed. That is memory pressure, and no leak; and \
             it isn't {}.",
            bytes(space.in_use),
            space.allocated / space.in_use.max(1.0),
            bytes(space.now.resident())
        ),
        // The profile is a sample: the exact figure was judged by the first step.
        space.in_use <= 2.0 * size.live_to,
    ))
}

pub(super) fn by_objects(heap: &Profile) -> Result<Step> {
    let look = bench::objects(heap)?;
    let holds = look.evidence.contains("host_of");
    Ok(look.step(
        "Few bytes, but perhaps many objects: are the appended hosts kept?",
        "The strings of the appended hosts stand out, and they are the last answers, which the service keeps for \
         whoever asks again, within a bound. So look for the holder, and not for the maker: nothing else holds \
         them.",
        holds,
    ))
}

pub(super) async fn connections(service: &Service, after_load: &Metrics) -> Result<Step> {
    let (look, holds) = bench::sockets(service, after_load).await?;
    Ok(look.step(
        "Does the client library of the search cluster leave connections hanging?",
        "Two sockets listen: one for customers, one is the debug port. After the load about as many connections to the cluster are \
         open as requests were on their way at once, each waiting in the pool for the next request. Idle ones end after 15 s. \
         What is left is whoever asks for these figures. None is left for each request, so no body is held unread.",
        holds,
    ))
}

pub(super) async fn tasks(service: &Service) -> Result<Step> {
    let (look, tasks, holds) = bench::tasks(service).await?;
    Ok(look.step(
        "Does a task outlive the request that spawned it?",
        format!(
            "{tasks} tasks are alive: the listeners, and one for each open connection. No orphans."
        ),
        holds,
    ))
}

pub(super) async fn collect(service: &Service) -> Result<Step> {
    let (look, change) = bench::collect(service).await?;
    Ok(look.step(
        "The authors called runtime.GC(), and then debug.FreeOSMemory(). What is the first of these in Rust?",
        "Nothing. A Rust heap has no garbage: what nobody owns is freed at once, and a profile shows what is \
         live. So there is nothing to collect, and the graph doesn't move.",
        change.is_none(),
    ))
}

pub(super) async fn wait(service: &Service) -> Result<Step> {
    let (look, change) = bench::wait(service).await?;
    Ok(look.step(
        "Go returns memory after five quiet minutes. Does this allocator?",
        "Nothing is returned. glibc gives the system what is free at the end of its heap, when something is freed \
         there. A small block that stays near the end pins all that lies below it.",
        change.is_none(),
    ))
}

/// The authors' experiment: restart, load for x and five seconds longer, stop, load for x. The service stays.
pub(super) async fn load_again(
    scene: &Scene,
    size: &Size,
    story: &mut Story,
) -> Result<(Step, Service)> {
    let service = scene.service(On::Glibc, size.kept_bytes).await?;
    let began = service.graph.now();
    let count = ROUNDS * u64::from(size.at_once);
    let mut marks = vec![mark(began, "load, for x")];
    let restarted = service.metrics().await?;
    load(&service, "load, for x", count).await?;
    let loaded = service.metrics().await?;
    marks.push(mark(service.graph.now(), "5 s longer"));
    load_for(&service, "and 5 s longer", PAUSE).await?;
    marks.push(mark(service.graph.now(), "stop"));
    rest("stopped", PAUSE).await;
    let stopped = service.metrics().await?;
    marks.push(mark(service.graph.now(), "x again"));
    load(&service, "load again, for x", count).await?;
    rest("at rest", PAUSE).await;
    let again = service.metrics().await?;
    story.plot(
        "reuse.svg",
        draw(
            "Load, stop, the same load: the second one finds its pages",
            &resident_and_live(&service.graph.since(began)),
            &marks,
        ),
    );
    let rows = [
        ("restarted", &restarted),
        ("x", &loaded),
        ("5 s longer, and stopped", &stopped),
        ("x again", &again),
    ];
    let first = stopped.resident() - restarted.resident();
    let second = again.resident() - stopped.resident();
    let step = Step {
        title: "Load, pause, load",
        question: "If it were a leak, the same load would add the same again. Does the second one?",
        commands: vec![
            load_command(&service, size, 0, count),
            format!(
                "{}   # 5 s longer",
                load_command(&service, size, 0, 1_000).replace("--for 2m", "--for 5s")
            ),
            format!("sleep {}", PAUSE.as_secs()),
            load_command(&service, size, 0, count),
        ],
        evidence: format!(
            "{}\nthe first load added {}, the second one {}",
            table(&rows),
            bytes(first.max(0.0)),
            bytes(second.max(0.0))
        ),
        conclusion: format!(
            "After a restart the first load takes {} from the system. The second one is of the same requests, and takes {}: it is \
             served from what the allocator kept. Not a leak, and still wasteful.",
            bytes(first.max(0.0)),
            bytes(second.max(0.0))
        ),
        holds: stopped.resident() >= size.resident_from && second <= 0.1 * first,
        disturbed: Vec::new(),
        plot: Some("reuse.svg"),
    };
    Ok((step, service))
}

pub(super) async fn verdict(
    scene: &Scene,
    service: &Service,
    seconds: u64,
    story: &mut Story,
) -> Result<Step> {
    let url = format!("http://{}", service.debug);
    let time = format!("{seconds}s");
    let seen = triage(scene, &["triage", "--url", &url, "--for", &time]).await?;
    story.verdict.clone_from(&seen.word);
    story.findings = seen.document["findings"].clone();
    story.readings = seen.document["readings"].clone();
    Ok(Step {
        title: "The verdict",
        question: "What does an instrument say that was told nothing of all this?",
        commands: vec![format!("leaks triage --url {url} --for {time}")],
        evidence: seen.text,
        conclusion: format!(
            "The verdict is {}: live memory is flat and low, resident memory is not. It took {seconds} seconds.",
            seen.word
        ),
        holds: seen.word == "retention",
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn trim(service: &Service) -> Result<Step> {
    let (look, bench::Change { before, after }) = bench::trim(service).await?;
    Ok(look.step(
        "Is the memory held by the allocator, or do live blocks lie on all of its pages?",
        format!(
            "It was held: asked, glibc gives {} back. Were the pages fragmented, it would have had nothing to give.",
            bytes(before.resident() - after.resident())
        ),
        after.resident() <= 0.4 * before.resident(),
    ))
}
