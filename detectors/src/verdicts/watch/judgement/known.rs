//! Where something grows: what of it is known and accepted, and what is new.

use crate::model::finding::Finding;
use crate::model::kind::Kind;
use crate::model::verdict::Verdict;
use crate::model::words::listed;
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::Grown;
use crate::verdicts::watch::Watch;

/// What accepted sites leave unexplained of all that grows, at most.
const UNEXPLAINED_SHARE: f64 = 0.25;

impl Watch {
    /// Leaves out of a leak's findings what is accepted. Where that is all of it, the verdict is `steady`, and says so.
    pub(super) fn leave_out_known(&mut self, evidence: &mut Evidence, grown: &Grown) {
        if self.known.is_empty() {
            return;
        }
        // Beside a large growth that is accepted, a small one is below the share that is worth a row, and new all the same.
        let small = grown.findings(None).into_iter().filter(|small| {
            let is_told = |told: &Finding| told.site == small.site;
            !evidence.findings.iter().any(is_told)
        });
        let small: Vec<Finding> = small.collect();
        evidence.findings.extend(small);
        if self.known.is_to_be_written()
            && let Err(error) = self.known.write(&evidence.findings)
        {
            evidence.because = format!("{}; {error}", evidence.because);
        }
        evidence.findings.retain(|finding| {
            let accepted = self.known.accepts(finding);
            let is_new = accepted.is_none();
            evidence.accepted.extend(accepted);
            is_new
        });
        let explained: f64 = evidence
            .accepted
            .iter()
            .filter(|accepted| accepted.kind == Kind::Bytes)
            .map(|accepted| accepted.per_iteration)
            .sum();
        let heap = grown.total().bytes;
        let is_explained = heap - explained <= UNEXPLAINED_SHARE * heap;
        let accepted: Vec<String> = evidence
            .accepted
            .iter()
            .filter(|accepted| accepted.kind != Kind::Blocks)
            .map(ToString::to_string)
            .collect();
        if evidence.findings.is_empty() && is_explained && !accepted.is_empty() {
            evidence.verdict = Verdict::Steady;
            evidence.class = None;
            evidence.holders.clear();
            evidence.because = format!("nothing grows but what is accepted: {}", listed(&accepted));
            return;
        }
        let held = std::mem::take(&mut evidence.holders);
        let is_new = |site: &String| {
            evidence
                .findings
                .iter()
                .any(|finding| finding.site.as_ref() == Some(site))
        };
        evidence.holders = held.into_iter().filter(|held| is_new(&held.site)).collect();
        if !accepted.is_empty() {
            evidence.because = format!(
                "{}; of that is accepted: {}",
                evidence.because,
                listed(&accepted)
            );
        }
        if let Some(advice) = self.known.advice() {
            evidence.because = format!("{}. {advice}", evidence.because);
        }
    }
}
