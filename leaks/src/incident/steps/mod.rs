//! The story, step by step. Each asks one question, runs what would answer it, and concludes from what came.
//!
//! The steps and their order are those of the incident that the workbook grew from; what is measured is this machine's.

mod on_glibc;
mod on_jemalloc;
mod shared;

use super::plot::draw;
use super::scene::{Customers, On, Scene};
use super::story::{Size, Step, Story};
use crate::load::Pace;
use crate::show::scale::bytes;
use on_glibc::{
    by_objects, by_space, climb, collect, connections, heap, load_again, tasks, trim, verdict,
    wait, which_figure,
};
use on_jemalloc::{lazily_freed, side_by_side, timers};
use shared::{ROUNDS, load, mark, resident_and_live, table, told, triage};
use std::time::Duration;
use tokio::time::sleep;
use workbook::problem::Result;

/// How long the first look takes at a service that rests. Beside other work a figure is noisier, so each further look is twice as long.
const LOOK_SECONDS: u64 = 6;

/// The same for the control run, which is under load.
const CONTROL_SECONDS: u64 = 15;

/// Tells the whole story, each step as soon as it is over.
pub(super) async fn tell(
    scene: &Scene,
    size: &Size,
    mut shown: impl FnMut(&Step, &Story) -> Result<()>,
) -> Result<Story> {
    let mut story = Story::default();
    let mut add = |story: &mut Story, step: Step| {
        story.steps.push(step);
        let step = &story.steps[story.steps.len() - 1];
        shown(step, story)
    };

    let (climb, (service, at_rest)) = told(async || climb(scene, size, &mut story).await).await?;
    add(&mut story, climb)?;
    add(&mut story, which_figure(&service).await?)?;
    let heap = heap(&service, &mut story).await?;
    add(&mut story, by_space(&service, &heap, size).await?)?;
    add(&mut story, by_objects(&heap)?)?;
    add(&mut story, connections(&service, &at_rest).await?)?;
    add(&mut story, tasks(&service).await?)?;
    add(&mut story, collect(&service).await?)?;
    add(&mut story, wait(&service).await?)?;
    drop(service);
    let (again, service) = told(async || load_again(scene, size, &mut story).await).await?;
    add(&mut story, again)?;
    let mut seconds = LOOK_SECONDS;
    let (verdict, ()) = told(async || {
        let step = verdict(scene, &service, seconds, &mut story).await?;
        seconds *= 2;
        Ok((step, ()))
    })
    .await?;
    add(&mut story, verdict)?;
    add(&mut story, trim(&service).await?)?;
    drop(service);

    let mut seconds = LOOK_SECONDS;
    let (lazily, ()) = told(async || {
        let step = lazily_freed(scene, size, seconds, &mut story).await?;
        seconds *= 2;
        Ok((step, ()))
    })
    .await?;
    add(&mut story, lazily)?;
    let (timers, ()) = told(async || Ok((timers(scene, size).await?, ()))).await?;
    add(&mut story, timers)?;
    let mut runs = 0..;
    let (side_by_side, ()) = told(async || {
        let run = runs.next().unwrap_or_default();
        Ok((side_by_side(scene, size, run, &mut story).await?, ()))
    })
    .await?;
    add(&mut story, side_by_side)?;
    let mut seconds = CONTROL_SECONDS;
    let (control, ()) = told(async || {
        let step = control(scene, size, seconds, &mut story).await?;
        seconds *= 2;
        Ok((step, ()))
    })
    .await?;
    add(&mut story, control)?;
    Ok(story)
}

async fn control(scene: &Scene, size: &Size, seconds: u64, story: &mut Story) -> Result<Step> {
    let service = scene.service(On::Glibc, u64::from(u32::MAX)).await?;
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
    Ok(Step {
        title: "The control run",
        question: "Would the instrument know a true leak of that size?",
        commands: vec![
            format!(
                "leaks serve --keep-answers {}   # no bound: every answer is kept",
                u32::MAX
            ),
            format!("leaks triage --url {url} --for {time}   # under load, 20 customers a second"),
        ],
        evidence: format!("{}\n{}", table(&[("at the end", &after)]), seen.text),
        conclusion: format!(
            "The verdict is {}: live memory grows with the requests. At {} resident the two graphs look alike; the live line tells them apart.",
            seen.word,
            bytes(after.resident())
        ),
        holds: seen.word == "leak" && after.resident() >= size.resident_from,
        disturbed: Vec::new(),
        plot: Some("control.svg"),
    })
}
