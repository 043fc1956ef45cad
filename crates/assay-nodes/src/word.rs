//! What nodes tell and nothing proves.

use assay_balances::{OBSERVATIONS_FORMAT, ObservationFile, ObservedAnswer, ObservedBalance};

use crate::observe::Subject;

/// One thing that a node told about a block.
pub(crate) trait Word: Clone + Ord {
    /// Network and hash of the block.
    fn block(&self) -> (&str, &str);

    /// Who runs the node.
    fn operator(&self) -> &str;

    /// What it is about: nodes are asked for the same.
    fn subject(&self) -> Subject;

    /// Whether another node tells the same.
    fn agrees(&self, other: &Self) -> bool;

    /// The words of this kind in a file.
    fn of_file(file: ObservationFile) -> Vec<Self>;

    /// A file of such words alone.
    fn into_file(words: Vec<Self>) -> ObservationFile;
}

impl Word for ObservedBalance {
    fn block(&self) -> (&str, &str) {
        (&self.network, &self.block_hash)
    }

    fn operator(&self) -> &str {
        &self.operator
    }

    fn subject(&self) -> Subject {
        Subject::Balance { asset: self.asset.clone(), address: self.address.clone() }
    }

    fn agrees(&self, other: &Self) -> bool {
        self.amount == other.amount
    }

    fn of_file(file: ObservationFile) -> Vec<Self> {
        file.observations
    }

    fn into_file(observations: Vec<Self>) -> ObservationFile {
        ObservationFile { format: OBSERVATIONS_FORMAT.into(), observations, answers: Vec::new() }
    }
}

impl Word for ObservedAnswer {
    fn block(&self) -> (&str, &str) {
        (&self.network, &self.block_hash)
    }

    fn operator(&self) -> &str {
        &self.operator
    }

    fn subject(&self) -> Subject {
        Subject::Answer {
            address: self.address.clone(),
            message_hash: self.message_hash.clone(),
            signature_hash: self.signature_hash.clone(),
        }
    }

    fn agrees(&self, other: &Self) -> bool {
        self.accepts() == other.accepts()
    }

    fn of_file(file: ObservationFile) -> Vec<Self> {
        file.answers
    }

    fn into_file(answers: Vec<Self>) -> ObservationFile {
        ObservationFile { format: OBSERVATIONS_FORMAT.into(), observations: Vec::new(), answers }
    }
}
