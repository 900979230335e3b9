//! The bug: zlib's stream is ended on the good path alone.
//! The scenario: upload after upload, half of them refused.
//! The fix: an owner ends the stream on every way out.

use detectors::{Class, Watch};
use foreign_memory::upload::{self, Refused, TEXT_MAX};
use foreign_memory::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_by_what_c_holds() {
        Watch::new("a stream that is ended when all is well")
            .run(leaky::workload)
            .assert_leak(Class::ForeignMemory, "C's malloc");
    }

    fn fixed_is_steady() {
        Watch::new("a stream that has an owner")
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn an_end_on_the_good_path_alone_brought_back_fails_the_test() {
        Watch::new("a stream that has an owner")
            .run(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too.
    fn both_answer_every_upload_alike() {
        let text = "shop.example\nmail.example\n";
        let whole = upload::compressed(text);
        let uploads: [(&[u8], Result<usize, Refused>); 6] = [
            (&whole, Ok(2)),
            (&upload::compressed(""), Ok(0)),
            (text.as_bytes(), Err(Refused::NotCompressed)),
            (&whole[..whole.len() - 5], Err(Refused::CutShort)),
            (&upload::compressed(&"a".repeat(TEXT_MAX + 1)), Err(Refused::TooLong)),
            (b"", Err(Refused::CutShort)),
        ];
        for (body, answer) in uploads {
            assert_eq!(leaky::apexes(body).map(|all| all.len()), answer);
            assert_eq!(fixed::apexes(body).map(|all| all.len()), answer);
        }
        assert_eq!(fixed::apexes(&whole), leaky::apexes(&whole));
    }
}
