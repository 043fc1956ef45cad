//! Progress on standard error: a bar on a terminal, a line a stage elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::PoisonError;

use assay_prover::Event;
use assay_reserves::{Assessor, BalanceObservations, OwnershipResult, ReserveRow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::grouped;

/// Shows what a run does.
pub(crate) struct Reporter {
    bar: ProgressBar,
    lines: bool,
    stage: Mutex<&'static str>,
}

impl Reporter {
    pub(crate) fn new(quiet: bool) -> Self {
        let lines = !std::io::stderr().is_terminal() && !quiet;
        Self { bar: bar("", "accounts", quiet), lines, stage: Mutex::new("") }
    }

    pub(crate) fn event(&self, event: Event<'_>) {
        match event {
            Event::Fingerprint => self.enter("hashing", None),
            Event::Reading(progress) => {
                self.enter("reading", None);
                // The number of accounts isn't known yet: guess it from the bytes.
                let share = progress.bytes_read.max(1);
                let guess =
                    u128::from(progress.accounts) * u128::from(progress.bytes_total) / u128::from(share);
                self.bar.set_length(u64::try_from(guess).unwrap_or(u64::MAX));
                self.bar.set_position(progress.accounts);
            }
            Event::Dealing(accounts) => {
                self.enter("sorting", None);
                self.bar.set_position(accounts);
            }
            Event::LayoutKept { segments } => {
                self.note(&format!("taking up an earlier run of {segments} segments"))
            }
            Event::SegmentKept { .. } => {}
            Event::SegmentUseless { segment } => {
                self.note(&format!(
                    "what is stored for segment {segment} is damaged or not its proof; proving it anew"
                ));
            }
            Event::Proving { done, segments, accounts, of_accounts } => {
                self.enter("proving", Some(of_accounts));
                if self.bar.position() == 0 && accounts > 0 {
                    // What an earlier run did must not count for the rate.
                    self.bar.set_position(accounts);
                    self.bar.reset_eta();
                }
                self.bar.set_position(accounts);
                if self.lines && done > 0 {
                    say(&format!("proving: {done} of {segments} segments, {} accounts", grouped(accounts)));
                }
            }
            Event::Assembling => self.enter("assembling", None),
            Event::Tree { done, of } => {
                self.enter("recursion", None);
                if self.lines {
                    say(&format!("recursion: {done} of {of} proofs"));
                } else {
                    self.bar.set_message(format!("recursion: {done} of {of} proofs;"));
                }
            }
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn enter(&self, stage: &'static str, length: Option<u64>) {
        let mut current = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != stage {
            *current = stage;
            self.bar.set_message(stage);
            if let Some(length) = length {
                self.bar.set_length(length);
                self.bar.set_position(0);
            }
            self.bar.reset_eta();
            if self.lines {
                say(stage);
            }
        }
    }

    fn note(&self, text: &str) {
        if self.lines {
            say(text);
        } else {
            self.bar.println(text);
        }
    }
}

/// A bar that counts `what` on a terminal.
pub(crate) fn bar(stage: &'static str, what: &str, quiet: bool) -> ProgressBar {
    let terminal = std::io::stderr().is_terminal() && !quiet;
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style =
        format!("{{msg:<10}} [{{bar:30}}] {{human_pos}}/{{human_len}} {what}, {{per_sec}}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(stage);
    bar
}

/// Counts rows of reserves on a terminal while `A` looks at them.
pub(crate) struct WatchedRows<A> {
    assessor: A,
    bar: ProgressBar,
}

impl<A> WatchedRows<A> {
    pub(crate) fn new(assessor: A, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("reserves   {human_pos} rows, {per_sec}") {
            bar.set_style(style);
        }
        Self { assessor, bar }
    }
}

impl<A> Drop for WatchedRows<A> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl<A: Assessor> Assessor for WatchedRows<A> {
    fn ownership(&mut self, row: &ReserveRow) -> OwnershipResult {
        self.bar.inc(1);
        self.assessor.ownership(row)
    }

    fn balance(&mut self, row: &ReserveRow) -> BalanceObservations {
        self.assessor.balance(row)
    }

    fn created(&mut self, row: &ReserveRow) -> Option<u64> {
        self.assessor.created(row)
    }
}

/// A line on standard error. A run of hours doesn't end because nobody reads its progress any more.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
