//! The story as values: how large it is, its steps, and what each of them saw.

use serde::Serialize;

/// How large the incident is.
pub(super) struct Size {
    /// Requests on their way at the same time.
    pub(super) at_once: u16,
    /// Answers that the service keeps, in bytes.
    pub(super) kept_bytes: u64,
    /// How much is to be resident, and live at most, in bytes.
    pub(super) resident_from: f64,
    pub(super) live_to: f64,
    /// Whether the control run is loaded again as well, on glibc and with `MADV_FREE`: the page plays that, and it takes minutes.
    pub(super) loads_again: bool,
}

pub(super) const WHOLE: Size = Size {
    at_once: 6,
    kept_bytes: 2_000_000,
    resident_from: 350e6,
    live_to: 8e6,
    loads_again: true,
};

/// The same relations: what is resident is more than ten times what is live.
pub(super) const SHORT: Size = Size {
    at_once: 3,
    kept_bytes: 2_000_000,
    resident_from: 120e6,
    live_to: 8e6,
    loads_again: false,
};

/// One step of the story.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) question: &'static str,
    /// What was run, as a reader could type it.
    pub(super) commands: Vec<String>,
    pub(super) evidence: String,
    pub(super) conclusion: String,
    /// Whether what was seen is what the conclusion says.
    pub(super) holds: bool,
    /// What disturbed the runs of this step that saw something else, a line for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) disturbed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plot: Option<&'static str>,
}

impl Step {
    pub(super) fn with_plot(self, name: &'static str) -> Self {
        Step {
            plot: Some(name),
            ..self
        }
    }
}

/// All that was seen.
#[derive(Debug, Default, Serialize)]
pub(super) struct Story {
    /// What `leaks triage` said, which was told nothing.
    pub(super) verdict: String,
    pub(super) class: Option<String>,
    pub(super) findings: serde_json::Value,
    pub(super) readings: serde_json::Value,
    /// What it said of the control run.
    pub(super) control: String,
    pub(super) steps: Vec<Step>,
    /// The same instruments turned on the control run's service; each has the title of the step that it takes up.
    pub(super) control_looks: Vec<Step>,
    #[serde(skip)]
    pub(super) plots: Vec<(&'static str, String)>,
    #[serde(skip)]
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
}

impl Story {
    /// The steps in the order in which they were told, each under its heading.
    pub(super) fn told(&self) -> impl Iterator<Item = (String, &Step)> {
        let steps = (1..).zip(&self.steps);
        let steps = steps.map(|(number, step)| (format!("{number}. {}", step.title), step));
        let looks = self.control_looks.iter();
        steps.chain(looks.map(|look| (format!("On the control run: {}", look.title), look)))
    }

    /// The number of the step that a look at the control run takes up.
    pub(super) fn number_of(&self, look: &Step) -> Option<usize> {
        let is_it = |step: &Step| step.title == look.title;
        self.steps.iter().position(is_it).map(|at| at + 1)
    }

    /// Keeps a plot; of a step that is run again the last one.
    pub(super) fn plot(&mut self, name: &'static str, svg: String) {
        self.plots.retain(|(of, _)| *of != name);
        self.plots.push((name, svg));
    }
}
