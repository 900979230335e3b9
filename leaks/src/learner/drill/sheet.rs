//! The answer sheet: what each change of the service does wrong, or that it does nothing wrong. The service's own source has the code,
//! and not what is to be said of it.

use detectors::{Class, Verdict};

/// What a drill is about.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The change of the service that is made live; `None` where it is the traffic alone.
    pub(crate) change: Option<usize>,
    /// The whole in a sentence.
    pub(crate) what: &'static str,
    pub(crate) is: Is,
    /// Where what grows is allocated, spawned or opened, as the service's own code.
    pub(crate) made_by: &'static [Place],
    /// Where it is kept.
    pub(crate) kept_by: &'static [Place],
    /// Words of which one names who holds it.
    pub(crate) holders: &'static [&'static str],
    /// For one use in how many it is live, by level.
    pub(crate) one_in: [u16; 3],
    pub(crate) seen_by: Seen,
    /// Whether the traffic has more clients that wait.
    pub(crate) has_slow_clients: bool,
}

/// What a right answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Leak(Class),
    /// Any of these words.
    NoLeak(&'static [Verdict]),
}

/// A function of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Below `leaks/service/src/features`.
    pub(crate) file: &'static str,
    /// `Type::name`, or `name` for a free one.
    pub(crate) function: &'static str,
}

/// What shows it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The heap profile: what grows between two of them.
    Heap,
    /// The profile of tasks.
    Tasks,
    /// That of sockets.
    Sockets,
    /// That of descriptors.
    Descriptors,
    /// Resident memory that rises while live memory doesn't.
    Foreign,
    /// A triage that takes its time: nothing leaks.
    Triage,
}

impl Seen {
    /// The profile's name on the debug port.
    pub(crate) fn profile(self) -> Option<&'static str> {
        match self {
            Seen::Heap => Some("heap"),
            Seen::Tasks => Some("tasks"),
            Seen::Sockets => Some("sockets"),
            Seen::Descriptors => Some("descriptors"),
            Seen::Foreign | Seen::Triage => None,
        }
    }
}

const fn at(file: &'static str, function: &'static str) -> Place {
    Place { file, function }
}

const CALM: Cause = Cause {
    change: None,
    what: "nothing grows for long",
    is: Is::NoLeak(&[Verdict::Steady, Verdict::WarmingUp]),
    made_by: &[],
    kept_by: &[],
    holders: &[],
    one_in: [1, 1, 1],
    seen_by: Seen::Triage,
    has_slow_clients: false,
};

const fn leak(change: usize, class: Class, seen_by: Seen) -> Cause {
    Cause {
        change: Some(change),
        is: Is::Leak(class),
        seen_by,
        ..CALM
    }
}

/// What drills can be about.
pub(crate) const ALL: &[Cause] = &[
    Cause {
        what: "The audit trail keeps the first host's name as a slice of the page that it came in, so each entry of some bytes holds a page of \
            some forty kilobytes.",
        made_by: &[at("lookup.rs", "Lookup::page")],
        kept_by: &[at("audit.rs", "Audit::note")],
        holders: &["audit", "trail", "entry"],
        one_in: [3, 16, 8],
        ..leak(31, Class::RetainedSubslices, Seen::Heap)
    },
    Cause {
        what: "The list of dates keeps that of each apex as a slice of its page, and the page stays with it.",
        made_by: &[at("lookup.rs", "Lookup::page")],
        kept_by: &[at("briefs.rs", "Briefs::date")],
        holders: &["briefs", "dates", "date"],
        one_in: [3, 16, 8],
        ..leak(44, Class::RetainedSubslices, Seen::Heap)
    },
    Cause {
        what: "A session is entered under the client's name as it is written, and left under the name in small letters: a client with a large \
            letter in its name is never removed.",
        made_by: &[at("sessions.rs", "Sessions::enter")],
        kept_by: &[
            at("sessions.rs", "Sessions::leave"),
            at("sessions.rs", "Sessions::enter"),
        ],
        holders: &["sessions", "by_client", "session"],
        one_in: [1, 5, 3],
        ..leak(17, Class::GlobalCaches, Seen::Heap)
    },
    Cause {
        what: "Tidying keeps each bucket that isn't full, by what was left in it when it was used last; a client that never comes again never \
            fills its bucket, so the bucket stays.",
        made_by: &[at("throttle.rs", "Throttle::admits")],
        kept_by: &[
            at("throttle.rs", "Throttle::tidy"),
            at("throttle.rs", "Throttle::admits"),
        ],
        holders: &["throttle", "buckets", "bucket"],
        ..leak(23, Class::GlobalCaches, Seen::Heap)
    },
    Cause {
        what: "Names that nobody knows are remembered, and the bound on them isn't looked at any more.",
        made_by: &[at("briefs.rs", "Briefs::remember_unknown")],
        kept_by: &[at("briefs.rs", "Briefs::remember_unknown")],
        holders: &["unknown", "briefs"],
        ..leak(12, Class::GlobalCaches, Seen::Heap)
    },
    Cause {
        what: "The auditor takes less than three records a second, more are sent, and its channel has no bound.",
        made_by: &[at("audit.rs", "Audit::copy")],
        kept_by: &[at("audit.rs", "Audit::copy"), at("audit.rs", "Audit::new")],
        holders: &["audit", "channel", "line", "unboundedsender", "queue"],
        ..leak(58, Class::UnboundedQueues, Seen::Heap)
    },
    Cause {
        what: "Every change goes into the tap's channel, which has no bound, and is taken out when somebody looks at the operators' page: \
            nobody does.",
        made_by: &[
            at("mod.rs", "Desk::told"),
            at("watchers.rs", "Watchers::tell"),
        ],
        kept_by: &[
            at("watchers.rs", "Watchers::tell"),
            at("watchers.rs", "Watchers::new"),
        ],
        holders: &["tap", "channel", "unboundedsender", "queue", "watchers"],
        ..leak(83, Class::UnboundedQueues, Seen::Heap)
    },
    Cause {
        what: "A list of two marks is collected in place from one of hundreds, and keeps its room.",
        made_by: &[at("mod.rs", "Desk::told")],
        kept_by: &[at("briefs.rs", "Briefs::list")],
        holders: &["briefs", "first", "list", "vec"],
        one_in: [2, 6, 3],
        ..leak(77, Class::RetainedCapacity, Seen::Heap)
    },
    Cause {
        what: "Each client's buffer is emptied after its answer, and keeps the room of the longest one.",
        made_by: &[at("buffers.rs", "Buffers::written"), at("mod.rs", "write")],
        kept_by: &[at("buffers.rs", "Buffers::written")],
        holders: &["buffers", "by_client", "buffer"],
        one_in: [1, 3, 2],
        ..leak(53, Class::RetainedCapacity, Seen::Heap)
    },
    Cause {
        what: "The task that listens for a change of an apex is spawned, and nobody ends it when the client has gone.",
        made_by: &[at("watchers.rs", "Watchers::wait")],
        kept_by: &[at("watchers.rs", "Watchers::wait")],
        holders: &["task", "tasks", "runtime", "notify", "watchers"],
        one_in: [1, 6, 3],
        ..leak(64, Class::OrphanedTasks, Seen::Tasks)
    },
    Cause {
        what: "The task that beats owns the visit that is to tell it that it is over, so the visit never goes and the task never ends.",
        made_by: &[at("watchers.rs", "Watchers::wait_with_beats")],
        kept_by: &[at("watchers.rs", "Watchers::wait_with_beats")],
        holders: &["task", "tasks", "runtime", "visit", "watchers"],
        one_in: [1, 5, 3],
        ..leak(26, Class::OrphanedTasks, Seen::Tasks)
    },
    Cause {
        what: "The task that notes how long a client stayed looks whether it has left, and leaves no waker with anybody: nothing can ever wake \
            the task. GET /debug/pprof/taskleak?debug=1 says so.",
        made_by: &[at("watchers.rs", "Watchers::note_stay")],
        kept_by: &[
            at("watchers.rs", "Presence::ends"),
            at("watchers.rs", "Watchers::note_stay"),
        ],
        holders: &[
            "task", "tasks", "runtime", "nobody", "waker", "presence", "watchers",
        ],
        one_in: [1, 6, 3],
        ..leak(91, Class::OrphanedTasks, Seen::Tasks)
    },
    Cause {
        what: "Answers of the cluster that are too long are kept for the operators' page unread, and each keeps its connection.",
        made_by: &[
            at("lookup.rs", "Lookup::ask"),
            at("lookup.rs", "Lookup::page"),
        ],
        kept_by: &[at("lookup.rs", "Lookup::refused")],
        holders: &["lookup", "refusals", "refusal", "response"],
        one_in: [1, 6, 3],
        ..leak(38, Class::UnclosedBodies, Seen::Sockets)
    },
    Cause {
        what: "Pages that were asked for ahead are kept until somebody reads them. Nobody does, and each keeps its connection.",
        made_by: &[at("lookup.rs", "Lookup::ask")],
        kept_by: &[at("lookup.rs", "Lookup::look_ahead")],
        holders: &["lookup", "ahead", "response"],
        one_in: [1, 6, 3],
        ..leak(71, Class::UnclosedBodies, Seen::Sockets)
    },
    Cause {
        what: "Exported files are closed when the batch is complete, which is after fifty thousand.",
        made_by: &[at("exports.rs", "Exports::write")],
        kept_by: &[at("exports.rs", "Exports::write")],
        holders: &["batch", "exports", "file"],
        one_in: [1, 6, 3],
        ..leak(45, Class::DeferredCleanup, Seen::Descriptors)
    },
    Cause {
        what: "The mail's worker puts off what is to be done last until its loop ends, which is when the service does.",
        made_by: &[at("exports.rs", "mailing")],
        kept_by: &[at("exports.rs", "mailing")],
        holders: &["at_last", "mailing", "worker", "last", "task"],
        one_in: [1, 5, 3],
        ..leak(90, Class::DeferredCleanup, Seen::Heap)
    },
    Cause {
        what: "Hosts own their apex and the apex owns its hosts, so a tree that the registry lets go of keeps itself.",
        made_by: &[at("registry.rs", "Registry::enter")],
        kept_by: &[at("registry.rs", "Registry::enter")],
        holders: &["itself", "themselves", "cycle", "apex", "host", "arc"],
        one_in: [1, 4, 2],
        ..leak(19, Class::ReferenceCycles, Seen::Heap)
    },
    Cause {
        what: "A view's hook owns the view, and the view owns the hook.",
        made_by: &[at("registry.rs", "Registry::view")],
        kept_by: &[at("registry.rs", "Registry::view")],
        holders: &["itself", "themselves", "cycle", "view", "hook", "arc"],
        one_in: [1, 4, 2],
        ..leak(68, Class::ReferenceCycles, Seen::Heap)
    },
    Cause {
        what: "A visit that an empty line ends returns without taking its ticket back from the pointer.",
        made_by: &[at("slots.rs", "Slots::visit")],
        kept_by: &[at("slots.rs", "Slots::visit")],
        holders: &["nobody", "nothing", "none", "pointer", "lost"],
        one_in: [1, 6, 3],
        ..leak(34, Class::LostPointers, Seen::Heap)
    },
    Cause {
        what: "A page in a slot is overwritten without being dropped: ManuallyDrop leaves that to whoever has it.",
        made_by: &[at("slots.rs", "Slots::put")],
        kept_by: &[at("slots.rs", "Slots::put")],
        holders: &["nobody", "nothing", "none", "pointer", "lost"],
        one_in: [1, 6, 3],
        ..leak(61, Class::LostPointers, Seen::Heap)
    },
    Cause {
        what: "A text that isn't worth compressing returns without ending zlib's stream, which has a quarter of a megabyte.",
        made_by: &[at("codec.rs", "Codec::compressed")],
        kept_by: &[at("codec.rs", "Codec::compressed")],
        holders: &["zlib", "stream", "codec", "c", "nobody"],
        one_in: [1, 5, 3],
        ..leak(48, Class::ForeignMemory, Seen::Foreign)
    },
    Cause {
        what: "A spool is unmapped up to the last whole block of its text, so the blocks behind it stay mapped.",
        made_by: &[at("codec.rs", "Codec::spooled")],
        kept_by: &[at("codec.rs", "Codec::spooled")],
        holders: &["mapping", "mmap", "codec", "kernel", "nobody"],
        ..leak(86, Class::ForeignMemory, Seen::Foreign)
    },
    Cause {
        change: Some(74),
        what: "No leak: a report takes all hosts of a large customer at once, as a tree, and all of it goes.",
        is: Is::NoLeak(&[Verdict::Pressure]),
        made_by: &[at("reports.rs", "Reports::ports")],
        ..CALM
    },
    Cause {
        change: Some(29),
        what: "No leak: an index of words is made and freed, and the few heads that stay keep the allocator from giving its pages back.",
        is: Is::NoLeak(&[Verdict::Retention]),
        made_by: &[at("reports.rs", "Reports::index")],
        ..CALM
    },
    Cause {
        change: Some(97),
        what: "No leak: the briefs have a bound, fill up to it, and then the oldest goes.",
        made_by: &[at("briefs.rs", "Briefs::keep")],
        ..CALM
    },
    Cause {
        what: "No leak: clients that take their time come, hold a task and a socket each, and go.",
        has_slow_clients: true,
        ..CALM
    },
];
