#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod check;
mod code;
mod link;
mod report;
mod request;
mod share;
mod totals;
mod verdict;

pub use check::check;
pub use code::{Class, Code, receipt_code, verify_code};
pub use link::{LINK_KEY, LinkError, encode_link, receipt_bytes};
pub use report::{MAX_REPORT_BYTES, REPORT_FORMATS};
pub use request::{Proof, Request, Totals};
pub use share::{SHARE_FORMAT, SHARE_VERSION, Share, ShareCheck, ShareError};
pub use totals::PublishedTotals;
pub use verdict::{
    Balance, Check, CheckResult, Outcome, ProofView, ReceiptView, ReserveLine, Status, TotalLine,
    VERDICT_FORMAT, VERDICT_VERSION, Verdict,
};
