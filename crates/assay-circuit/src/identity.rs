//! To come.
/// To come.
pub type CircuitId = [u8; 32];
/// To come.
pub const CIRCUIT_ID: CircuitId = [0; 32];
/// To come.
pub fn compute_circuit_id() -> CircuitId {
    CIRCUIT_ID
}
