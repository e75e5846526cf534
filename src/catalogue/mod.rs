//! The catalogue: what the components list, joined by backup ID into sets, and judged.
//!
//! Pure: facts in, sets and judgements out; no clock, no I/O, no database. A set is derived from the release alone, because
//! a record kept elsewhere may be gone exactly when it is needed. Imports `model`; `plan`, `render` and `cli` may import it.
//! `entries` says what a set is worth, `verify` whether it can be restored here, `drift` what is wrong with all of them
//! together, `retention` which are kept, `refuse` which may be deleted.
//!
//! Invariants:
//! - a component that could not be asked makes its part unknown, never missing;
//! - a set is complete only when every expected part is there and whole, whatever word its owner uses;
//! - what does not carry our names is not ours, and is not seen here;
//! - the cost is that of sorting the IDs: ten thousand sets are nothing.

mod detail;
mod drift;
mod entries;
mod evidence;
mod refuse;
mod retention;
mod times;
mod verify;

pub use detail::{Detail, PieceDetail, details};
pub use drift::{age, drift, moved, newest_complete, other_hands, out_of_order};
pub use entries::{PartEntry, Set, SetState, sets};
pub use refuse::refusals;
pub use retention::{Decision, Every, IN_THE_MAKING, Policy, Why, is_proven_ours, looks_foreign, retention};
pub use verify::{Measure, judge};
