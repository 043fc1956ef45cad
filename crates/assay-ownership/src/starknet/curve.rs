//! ECDSA over Stark's curve, as account contracts check it.
//!
//! Keys are x coordinates, so a key stands for a point and its negative, and `(r, s)` and `(r, n - s)` are both good: the
//! network has no rule for a low `s`. No library checks the signature here: those that do divide by the `z` coordinate of
//! `zG + rQ` without looking, which whoever has the key can make zero.

use starknet_types_core::curve::{AffinePoint, ProjectivePoint};
use starknet_types_core::felt::Felt;

use super::felt;
use crate::error::undecodable;
use crate::{Field, Invalid, OwnershipError, text};

/// The number of points of the curve, a prime.
const ORDER: Felt =
    Felt::from_hex_unchecked("0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f");

/// Signers make `r` and hashes smaller than `2^251`.
const BOUND: Felt =
    Felt::from_hex_unchecked("0x800000000000000000000000000000000000000000000000000000000000000");

/// One of the two points of a key.
pub(super) struct StarkKey(ProjectivePoint);

impl StarkKey {
    pub(super) fn new(x: &Felt) -> Result<Self, OwnershipError> {
        match point(x) {
            Some(point) => Ok(Self(point)),
            None => undecodable(Field::PublicKey, "not the x coordinate of a point of Stark's curve"),
        }
    }
}

/// A signature whose numbers are in their ranges.
pub(super) struct Signature {
    r: Felt,
    s: Felt,
}

impl Signature {
    /// `r` and `s`, each 64 hex digits one after the other, or each up to 64 with a comma between them.
    pub(super) fn read(signature: &str) -> Result<Self, OwnershipError> {
        let field = Field::Signature;
        let (r, s) = match signature.split_once(',') {
            Some((r, s)) => (felt(r.trim(), field)?, felt(s.trim(), field)?),
            None => {
                let bytes: [u8; 64] =
                    text::hex_array(signature.strip_prefix("0x").unwrap_or(signature), field)?;
                let (r, s) = bytes.split_at(32);
                (felt(&text::to_hex(r), field)?, felt(&text::to_hex(s), field)?)
            }
        };
        if r == Felt::ZERO || r >= BOUND || s == Felt::ZERO || s >= ORDER {
            return Err(Invalid::Rule("a number of the signature is out of its range").into());
        }
        Ok(Self { r, s })
    }

    /// Whether `s R = ± zG ± rQ`, where `R` is a point at `r`.
    pub(super) fn is_by(&self, key: &StarkKey, hash: &Felt) -> bool {
        let (Some(at_r), Some(generator)) = (point(&self.r), projective(AffinePoint::generator())) else {
            return false;
        };
        if *hash >= BOUND {
            return false;
        }
        let x = |point: &ProjectivePoint| point.to_affine().ok().map(|point| point.x());
        let Some(expected) = x(&(&at_r * self.s)) else { return false };
        let (of_hash, of_key) = (&generator * *hash, &key.0 * self.r);
        [&of_hash + &of_key, &of_hash - &of_key].iter().any(|sum| x(sum) == Some(expected))
    }
}

/// A point with this x coordinate.
fn point(x: &Felt) -> Option<ProjectivePoint> {
    AffinePoint::new_from_x(x, false).and_then(projective)
}

fn projective(point: AffinePoint) -> Option<ProjectivePoint> {
    ProjectivePoint::try_from(point).ok()
}
