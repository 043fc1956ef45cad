//! Errors become exit codes and texts here and nowhere else.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use assay_commit::ReceiptError;
use assay_ledger::LedgerError;
use assay_nodes::{NodeError, ObserveError};
use assay_prover::{ProverError, ReceiptsError};
use assay_receipts::ContainerError;
use assay_reserves::{CanonicalError, ExcludedError, ReserveError, VerifyError as ReportError};
use assay_site::SiteError;
use assay_verdict::{Class, Code, receipt_code, verify_code};
use assay_verifier::{OpeningError, TotalsFileError, VerifyError};
use serde_json::json;

/// A result that can't be written (a full disk, a closed pipe) is no bug: it ends the command with "could not check".
pub(crate) fn end_when_output_fails() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(|text| text.starts_with("failed printing to stdout")) {
            std::process::exit(Kind::NotChecked as i32);
        }
        report(panic);
    }));
}

/// Why a command ends without success.
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hint: Option<&'static str>,
    /// The JSON object is out already.
    told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rejected = 1,
    Usage = 2,
    Unreadable = 3,
    NotChecked = 4,
    Bug = 101,
}

impl Kind {
    /// The kind of a failure with a code of this class.
    const fn of(class: Class) -> Self {
        match class {
            Class::Unreadable => Self::Unreadable,
            Class::NotChecked => Self::NotChecked,
            Class::Rejected | Class::Passed => Self::Rejected,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Usage => "usage",
            Self::Unreadable => "unreadable",
            Self::NotChecked => "not_checked",
            Self::Bug => "bug",
        }
    }
}

impl Failure {
    fn new(kind: Kind, message: impl Display) -> Self {
        Self { kind, message: message.to_string(), hint: None, told: false }
    }

    pub(crate) fn rejected(message: impl Display) -> Self {
        Self::new(Kind::Rejected, message)
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure with a code of this class.
    pub(crate) fn of(class: Class, message: impl Display) -> Self {
        Self::new(Kind::of(class), message)
    }

    pub(crate) fn unreadable(message: impl Display) -> Self {
        Self::new(Kind::Unreadable, message)
    }

    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::NotChecked, format_args!("{}: {error}", path.display()))
    }

    pub(crate) fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Names the file that it is about.
    pub(crate) fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// For commands whose JSON object says it all.
    pub(crate) fn quiet_in_json(mut self) -> Self {
        self.told = true;
        self
    }

    /// Says what went wrong and returns the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if json && !self.told {
            println!(
                "{}",
                json!({"version": 1, "ok": false, "error": self.kind.name(), "message": self.message})
            );
        }
        eprintln!("error: {}", self.message);
        if let Some(hint) = self.hint {
            eprintln!("hint: {hint}");
        }
        ExitCode::from(self.kind as u8)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let kind = match &error {
            LedgerError::Read { .. } | LedgerError::Write { .. } | LedgerError::Scratch { .. } => {
                Kind::NotChecked
            }
            LedgerError::Synthetic(_) => Kind::Usage,
            LedgerError::Stopped => Kind::Bug,
            _ => Kind::Unreadable,
        };
        let message = chain(&error);
        let failure = Self::new(kind, message);
        match error {
            LedgerError::Problem(_) => failure.with_hint("`assay check` lists everything that is wrong"),
            LedgerError::UnknownFormat { .. } => failure.with_hint("name it with --format"),
            _ => failure,
        }
    }
}

impl From<ProverError> for Failure {
    fn from(error: ProverError) -> Self {
        let kind = match &error {
            ProverError::Ledger(_) => {
                let ProverError::Ledger(error) = error else { return Self::new(Kind::Bug, "unreachable") };
                return error.into();
            }
            ProverError::NoAccounts
            | ProverError::AccountTooLarge
            | ProverError::Secret { .. }
            | ProverError::LedgerChanged => Kind::Unreadable,
            ProverError::File { .. }
            | ProverError::Busy { .. }
            | ProverError::Randomness
            | ProverError::Damaged { .. } => Kind::NotChecked,
            ProverError::OtherRun { .. }
            | ProverError::OpenFolder { .. }
            | ProverError::KeyCollision
            | ProverError::TooManyKeys { .. }
            | ProverError::NotCovered { .. }
            | ProverError::TooManyPrices { .. }
            | ProverError::Memory { .. }
            | ProverError::TooManySegments { .. } => Kind::Usage,
            ProverError::Tree(_)
            | ProverError::Trace(_)
            | ProverError::ProofSystem { .. }
            | ProverError::SelfCheck(_) => Kind::Bug,
        };
        let failure = Self::new(kind, &error);
        match error {
            ProverError::TooManyKeys { .. } => failure.with_hint("--no-proof ends with the bundle"),
            _ => failure,
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let kind = match verify_code(&error) {
            Code::VerifierFault => Kind::Bug,
            code => Kind::of(code.class()),
        };
        Self::new(kind, error)
    }
}

impl From<ReserveError> for Failure {
    fn from(error: ReserveError) -> Self {
        let kind = match &error {
            ReserveError::Read { .. } => Kind::NotChecked,
            _ => Kind::Unreadable,
        };
        let failure = Self::new(kind, chain(&error));
        match error {
            ReserveError::UnknownFormat { .. } => failure.with_hint("name it with --reserve-format"),
            _ => failure,
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Self::new(Kind::NotChecked, error)
    }
}

impl From<ObserveError> for Failure {
    fn from(error: ObserveError) -> Self {
        let kind = match &error {
            ObserveError::NoEndpoint { .. } => Kind::Usage,
            ObserveError::Snapshot { source, .. } if source.is_unreadable() => Kind::Unreadable,
            ObserveError::Snapshot { .. } => Kind::Rejected,
            ObserveError::Node(_) | ObserveError::File { .. } => Kind::NotChecked,
        };
        Self::new(kind, error)
    }
}

impl From<CanonicalError> for Failure {
    fn from(error: CanonicalError) -> Self {
        Self::new(Kind::Unreadable, error)
    }
}

impl From<ExcludedError> for Failure {
    fn from(error: ExcludedError) -> Self {
        let kind = if error.is_other_statement() { Kind::Rejected } else { Kind::Unreadable };
        Self::new(kind, error)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Report(error) => error.into(),
            ReportError::Reserves(error) => error.into(),
            other => Self::new(Kind::Rejected, other),
        }
    }
}

impl From<OpeningError> for Failure {
    fn from(error: OpeningError) -> Self {
        let kind = match &error {
            OpeningError::Json { .. } | OpeningError::Format | OpeningError::TooLarge => Kind::Unreadable,
            _ => Kind::Rejected,
        };
        Self::new(kind, error)
    }
}

impl From<ReceiptError> for Failure {
    fn from(error: ReceiptError) -> Self {
        Self::new(Kind::of(receipt_code(&error).class()), error)
    }
}

impl From<ReceiptsError> for Failure {
    fn from(error: ReceiptsError) -> Self {
        match error {
            ReceiptsError::Work(error) => error.into(),
            ReceiptsError::Receipt(error) => error.into(),
            ReceiptsError::Totals(error) => error.into(),
            ReceiptsError::NoAccount => Self::rejected(error),
            ReceiptsError::NotFinished | ReceiptsError::OtherRun => Self::usage(error),
        }
    }
}

impl From<ContainerError> for Failure {
    fn from(error: ContainerError) -> Self {
        let kind = match &error {
            ContainerError::File(_) | ContainerError::Randomness => Kind::NotChecked,
            ContainerError::Magic | ContainerError::Version { .. } => Kind::Unreadable,
            ContainerError::TooLarge => Kind::Usage,
            _ => Kind::Rejected,
        };
        Self::new(kind, error)
    }
}

impl From<SiteError> for Failure {
    fn from(error: SiteError) -> Self {
        match error {
            SiteError::Report(error) => error.into(),
            SiteError::Totals(error) => error.into(),
            SiteError::Proof(error) => error.into(),
            SiteError::Contradiction(_) | SiteError::OtherTotals { .. } => Self::rejected(error),
            SiteError::Epoch(_) => Self::unreadable(error),
            SiteError::Epochs | SiteError::Duplicate { .. } | SiteError::OtherEntity { .. } => {
                Self::usage(error)
            }
        }
    }
}

impl From<TotalsFileError> for Failure {
    fn from(error: TotalsFileError) -> Self {
        Self::unreadable(error)
    }
}

/// Says what is wrong with the arguments, or prints the help that was asked for, and returns the exit code.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        // What is wrong, without the usage that follows.
        let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let message = lines.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        println!("{}", json!({"version": 1, "ok": false, "error": "usage", "message": message}));
    }
    // There is nowhere left to report that this fails.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
