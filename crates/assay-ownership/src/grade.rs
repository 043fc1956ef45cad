use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Challenge, Control};

/// How much is shown about who controls an address, from nothing to movement on the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// The address is only claimed, or its evidence wasn't verified.
    #[default]
    O0,
    /// Keys that the address commits to signed some message, which may be old, of another occasion, or of somebody else.
    O1,
    /// Keys that the address commits to signed this epoch's challenge, so after its blocks.
    O2,
    /// As O2, and the address's whole spending condition was satisfied as its network would check it.
    O3,
    /// As O3 with every remaining assumption checked on the chain, or a transaction of the address on the chain commits to
    /// the challenge.
    O4,
}

impl Grade {
    /// All grades in order.
    pub const ALL: [Self; 5] = [Self::O0, Self::O1, Self::O2, Self::O3, Self::O4];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::O0 => "O0",
            Self::O1 => "O1",
            Self::O2 => "O2",
            Self::O3 => "O3",
            Self::O4 => "O4",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the caller has checked on the chain itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainChecks {
    /// Everything that [`Control::assumed`] lists holds at the snapshot.
    pub assumptions: bool,
    /// A transaction of the address, in a block after those of the challenge, carries the challenge's digest.
    pub moved: bool,
}

/// The grade of an address with these verified controls, of any number of claims, for an epoch's challenge. More
/// controls and more checks never lower it.
pub fn grade(controls: &[Control], challenge: &Challenge, checks: ChainChecks) -> Grade {
    let moved = if checks.moved { Grade::O4 } else { Grade::O0 };
    controls.iter().map(|control| grade_one(control, challenge, checks)).fold(moved, Grade::max)
}

fn grade_one(control: &Control, challenge: &Challenge, checks: ChainChecks) -> Grade {
    if !challenge.is_message(&control.message) {
        return Grade::O1;
    }
    if !control.scheme.satisfies_condition() {
        return Grade::O2;
    }
    if checks.assumptions { Grade::O4 } else { Grade::O3 }
}
