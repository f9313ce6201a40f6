//! What a copy is made of, and what is refused.
