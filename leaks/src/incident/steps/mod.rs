//! The story, step by step. Each asks one question, runs what would answer it, and concludes from what came.
//!
//! The steps and their order are those of the incident that the workbook grew from; what is measured is this machine's.

mod bench;
mod control;
mod on_glibc;
mod on_jemalloc;
mod shared;

use super::scene::Scene;
use super::story::{Size, Step, Story};
use control::control;
use on_glibc::{
    by_objects, by_space, climb, collect, connections, heap, load_again, tasks, trim, verdict,
    wait, which_figure,
};
use on_jemalloc::{lazily_freed, side_by_side, timers};
use shared::told;
use workbook::problem::Result;

/// How long the first look takes at a service that rests. Beside other work a figure is noisier, so each further look is twice as long.
const LOOK_SECONDS: u64 = 6;

/// The same for the control run, which is under load.
const CONTROL_SECONDS: u64 = 15;

/// Tells the whole story, each step as soon as it is over.
pub(super) async fn tell(
    scene: &Scene,
    size: &Size,
    mut shown: impl FnMut(&Story) -> Result<()>,
) -> Result<Story> {
    let mut story = Story::default();
    let mut add = |story: &mut Story, step: Step| {
        story.steps.push(step);
        shown(story)
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
    let (control, service) = told(async || {
        let told = control(scene, size, seconds, &mut story).await?;
        seconds *= 2;
        Ok(told)
    })
    .await?;
    add(&mut story, control)?;
    let mut add = |story: &mut Story, look: Step| {
        story.control_looks.push(look);
        shown(story)
    };
    control::bench(service, size, &mut story, &mut add).await?;
    if !size.loads_again {
        return Ok(story);
    }
    let (again, ()) = told(async || {
        let look = control::load_again(scene, size, &mut story).await?;
        Ok((look, ()))
    })
    .await?;
    add(&mut story, again)?;
    let mut seconds = LOOK_SECONDS;
    let (lazily, ()) = told(async || {
        let look = control::lazily_freed(scene, size, seconds, &mut story).await?;
        seconds *= 2;
        Ok((look, ()))
    })
    .await?;
    add(&mut story, lazily)?;
    Ok(story)
}
