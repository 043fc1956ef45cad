use assay_commit::ReceiptError;
use assay_verifier::{RecordError, VerifyError};
use serde::{Serialize, Serializer};

/// What a code means for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It holds.
    Passed,
    /// It was checked and doesn't hold.
    Rejected,
    /// A file is not of a form that could be checked.
    Unreadable,
    /// Something that it takes is missing.
    NotChecked,
}

macro_rules! codes {
    ($($class:ident { $($(#[$doc:meta])* $name:ident = $code:literal,)+ })+) => {
        /// Why a result is what it is. A code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($($(#[$doc])* $name,)+)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)+)+];

            /// The code as text.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => $code,)+)+ }
            }

            /// What it means for the verdict.
            pub const fn class(self) -> Class {
                match self { $($(Self::$name => Class::$class,)+)+ }
            }
        }
    };
}

codes! {
    Passed {
        /// The root holds the receipt's entries for the uid.
        InclusionVerified = "inclusion-verified",
        /// The final proof shows that the totals are the sums of all accounts, none negative.
        TotalsVerified = "totals-verified",
        /// The final proof shows bounds on hidden totals.
        BoundsVerified = "bounds-verified",
        /// Every figure of the totals file is proven.
        FiguresProven = "figures-proven",
        /// The receipt is for the expected entity and epoch.
        EntityEpochMatch = "entity-epoch-match",
        /// The asset table is the expected one.
        AssetTableMatch = "asset-table-match",
        /// The root from a second place is the expected one.
        RootMatch = "root-match",
        /// The report's verified reserves reach what is proven to be owed, asset by asset.
        ReservesVerified = "reserves-verified",
        /// The report's reserves do, if claims are believed.
        ReservesClaimed = "reserves-claimed",
        /// The customer says that the balances are theirs.
        BalancesConfirmed = "balances-confirmed",
    }
    Rejected {
        /// The receipt is for another entity.
        OtherEntity = "other-entity",
        /// The receipt is for another epoch.
        OtherEpoch = "other-epoch",
        /// The receipt is for another root.
        OtherRoot = "other-root",
        /// The root doesn't hold these entries for this uid.
        NotIncluded = "not-included",
        /// An epoch that can't be.
        ReceiptEpoch = "receipt-epoch",
        /// An entry of an asset that the table lacks.
        ReceiptAsset = "receipt-asset",
        /// An entry of an unknown kind.
        ReceiptKind = "receipt-kind",
        /// A malformed amount.
        ReceiptAmount = "receipt-amount",
        /// Entries out of order.
        ReceiptOrder = "receipt-order",
        /// A malformed salt.
        ReceiptSalt = "receipt-salt",
        /// A malformed digest.
        ReceiptDigest = "receipt-digest",
        /// A path of a wrong shape.
        ReceiptPath = "receipt-path",
        /// The proof doesn't hold for what is expected.
        ProofInvalid = "proof-invalid",
        /// The proof is for another root.
        ProofOtherRoot = "proof-other-root",
        /// The proof is for a circuit that this verifier doesn't know.
        UnknownCircuit = "unknown-circuit",
        /// The proof's bytes are wrong.
        ProofMalformed = "proof-malformed",
        /// The totals file claims other figures than are proven.
        FiguresDiffer = "figures-differ",
        /// The totals file is for another entity, epoch or root.
        FiguresOther = "figures-other",
        /// The asset table is another than expected.
        OtherAssetTable = "other-asset-table",
        /// The root from a second place is another.
        RootDiffers = "root-differs",
        /// The report is for another entity, epoch or root.
        ReportOther = "report-other",
        /// The report shows other liabilities than are proven.
        ReportDiffers = "report-differs",
        /// The report's reserves don't reach what is proven to be owed.
        ReservesShort = "reserves-short",
        /// A file of the report's reserves states totals that aren't the sums of its rows.
        ReservesContradict = "reserves-contradict",
        /// The customer says that the balances aren't theirs.
        BalancesDenied = "balances-denied",
    }
    Unreadable {
        /// The receipt is no JSON of its form.
        ReceiptMalformed = "receipt-malformed",
        /// The receipt is of another format or version.
        ReceiptVersion = "receipt-version",
        /// The receipt is too large.
        ReceiptTooLarge = "receipt-too-large",
        /// The link holds no receipt.
        LinkMalformed = "link-malformed",
        /// Not a final proof.
        ProofUnreadable = "proof-unreadable",
        /// A final proof of another version.
        ProofVersion = "proof-version",
        /// Not a totals file.
        FiguresUnreadable = "figures-unreadable",
        /// Not a report.
        ReportUnreadable = "report-unreadable",
    }
    NotChecked {
        /// There is no receipt.
        NoReceipt = "no-receipt",
        /// Nobody typed a uid.
        NoUid = "no-uid",
        /// What was typed can't be a uid.
        UidUnusable = "uid-unusable",
        /// There is no root to check against.
        NoRoot = "no-root",
        /// There is no final proof.
        NoProof = "no-proof",
        /// There is no totals file, so no asset table.
        NoFigures = "no-figures",
        /// No proof holds, so the totals file is only a claim.
        FiguresUnproven = "figures-unproven",
        /// A bundle, which this place doesn't verify.
        Bundle = "bundle",
        /// Nobody said which epoch to expect: the totals file's was taken.
        EpochNotExpected = "epoch-not-expected",
        /// Nobody said which asset table to expect: the totals file's was taken.
        AssetTableNotExpected = "asset-table-not-expected",
        /// Nobody gave a root from a second place.
        NoSecondRoot = "no-second-root",
        /// There is no report.
        NoReport = "no-report",
        /// No proof holds, so the report's liabilities are only a claim.
        ReportUnproven = "report-unproven",
        /// The customer hasn't said yet whether the balances are theirs.
        BalancesUnconfirmed = "balances-unconfirmed",
        /// An expectation that can't be, such as a root that is no root.
        ExpectationMalformed = "expectation-malformed",
        /// The verifier failed.
        VerifierFault = "verifier-fault",
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The code of a refused receipt.
pub const fn receipt_code(error: &ReceiptError) -> Code {
    match error {
        ReceiptError::TooLarge => Code::ReceiptTooLarge,
        ReceiptError::Json { .. } => Code::ReceiptMalformed,
        ReceiptError::Format => Code::ReceiptVersion,
        ReceiptError::OtherEntity => Code::OtherEntity,
        ReceiptError::OtherRoot => Code::OtherRoot,
        ReceiptError::Epoch(_) => Code::ReceiptEpoch,
        ReceiptError::Asset => Code::ReceiptAsset,
        ReceiptError::Kind => Code::ReceiptKind,
        ReceiptError::Amount => Code::ReceiptAmount,
        ReceiptError::Order => Code::ReceiptOrder,
        ReceiptError::Salt => Code::ReceiptSalt,
        ReceiptError::Digest(_) => Code::ReceiptDigest,
        ReceiptError::Tree(_) => Code::ReceiptPath,
        ReceiptError::NotIncluded => Code::NotIncluded,
    }
}

/// The code of a rejected proof.
pub const fn verify_code(error: &VerifyError) -> Code {
    match error {
        VerifyError::Record(RecordError::Magic) => Code::ProofUnreadable,
        VerifyError::Record(RecordError::Version { .. }) => Code::ProofVersion,
        VerifyError::Record(RecordError::UnknownCircuit) => Code::UnknownCircuit,
        VerifyError::Record(_) => Code::ProofMalformed,
        VerifyError::Setup => Code::VerifierFault,
        VerifyError::OtherRoot => Code::ProofOtherRoot,
        VerifyError::NotCovered { .. } => Code::ReservesShort,
        _ => Code::ProofInvalid,
    }
}
