//! What the store holds just now, as far as waiting runners care.

/// Ready tasks that want the same of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadyWork {
    /// Encoders that the machine must offer, each with the fingerprint that the job is bound to, where it is bound.
    pub needs: Vec<(String, Option<String>)>,
    /// How many such tasks there are.
    pub task_count: u32,
}
