//! Small texts of parts that keep state of their own, such as links to instances.

/// A text under a kind and a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub kind: String,
    /// Which one of them.
    pub key: String,
    /// JSON, whose shape is its writer's affair.
    pub body: String,
}

impl std::fmt::Debug for Note {
    /// Bodies may hold tokens.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Note({}/{}, {} bytes)", self.kind, self.key, self.body.len())
    }
}
