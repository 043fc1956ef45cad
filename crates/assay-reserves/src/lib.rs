#![doc = include_str!("../README.md")]

mod address;
mod check;
mod error;
mod evidence;
mod figure;
mod finding;
mod format;
mod lines;
mod policy;
mod reader;
mod report;
mod resample;
mod row;
mod signatures;
mod source;
mod vector;

pub use address::address_key;
pub use check::{Checker, RowOutcome};
pub use error::{Problem, ProblemKind, ReserveError};
pub use evidence::{
    Assessor, BalanceGrade, BalanceObservation, BalanceObservations, BalanceSource, ClaimsOnly,
    EvidenceLevel, OwnershipGrade, OwnershipResult,
};
pub use figure::{Difference, Figure, FigureError, PPM, Rounding, parse_base_units, parse_units, ratio_ppm};
pub use finding::{Finding, FindingCode, FindingPlace, Severity};
pub use format::{ReserveFormat, Source};
pub use policy::{
    AddressKind, CoinName, Haircut, MAX_POLICY_BYTES, MappingLayout, NativeCoin, NetworkPolicy, Policy,
    SafePolicy, Slot, Stablecoin, TokenPolicy, WrappedAsset, WrappedIssuer,
};
pub use reader::{ReadOptions, ReserveReader};
pub use report::{
    Anchor, AssetLine, BlockLine, ByEvidence, ByOwnership, CanonicalError, ChallengeLine, ClassShare,
    CoinAgeLine, Concentration, EXCLUDED_FORMAT, EvidenceLine, ExcludedAccounts, ExcludedError, ExcludedFile,
    ExcludedTotal, Exclusion, Failure, Failures, FileSummary, IssuerShare, LiabilityLine, LiabilityProof,
    LiabilitySource, MAX_EXCLUDED_BYTES, MAX_FAILURES, MAX_REPORT_BYTES, PolicySummary, Quality,
    REPORT_FORMAT, ReportBuilder, ReportInputs, ResampleInput, ResampledLine, ReserveLine, SolvencyReport,
    SupplyLine, Units, Unproven, UnprovenLine, VerifyError, WrappedLine, build_report, escape, verify_report,
};
pub use resample::{CoinAgeError, CoinAges, MAX_SAMPLES, Resample, ResampleError, minimum_balance};
pub use row::{OwnerClass, Place, ReserveRow, SectionTotal, Staking, WrappedSupply};
pub use signatures::{AccountFact, AddressList, ChallengeMismatch, SignatureAssessor};
pub use source::ScriptClaim;
pub use vector::{Column, MAX_VECTOR_BYTES, ReserveVector, VectorError};

#[cfg(test)]
mod tests;
