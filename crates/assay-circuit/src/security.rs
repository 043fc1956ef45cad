//! Bits of security of a segment proof, computed.

use alloc::vec::Vec;

use p3_air::symbolic::AirLayout;
use p3_air::{BaseAir, symbolic::SymbolicAirBuilder};
use p3_security::fri::FriRegime;
use p3_security::grinding::GrindingSites;

/// To come.
pub struct SegmentSecurity;
/// To come.
pub struct TableShape;
/// To come.
pub fn segment_security() -> Option<SegmentSecurity> {
    let _ = (AirLayout::default(), GrindingSites::NONE);
    let _: Option<(FriRegime, Vec<u8>)> = None;
    None
}
