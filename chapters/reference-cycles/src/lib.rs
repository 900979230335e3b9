//! Owners that own each other.
//!
//! A customer asks for an apex, a name like `shop.example`. The service looks up the hosts below it, answers, and drops
//! what it looked up. A host knows its apex, since a prober that is given a host alone needs its whole name. In [`leaky`]
//! a host owns its apex, in [`fixed`] it can only ask whether the apex is still there. [`beside`] measures callbacks and
//! tasks that own their owner, and other ways out.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;
