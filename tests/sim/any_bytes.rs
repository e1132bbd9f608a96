//! Whatever is typed, the modem neither breaks nor grows, and a power cycle brings it back.

use proptest::prelude::*;

use crate::typist::{Typist, carrier, device};

/// Pieces that lead deep into the commands when they come in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "AT",
        "at",
        "A/",
        "+CMGS",
        "+CMGW",
        "+CMSS",
        "+CMGL",
        "+CMGR",
        "+CMGD",
        "+CPMS",
        "+CNMI",
        "+CNMA",
        "+CSMS",
        "+CMGF",
        "+CSMP",
        "+CSCS",
        "+CSCA",
        "+CREG",
        "+COPS",
        "+CFUN",
        "+CMEE",
        "S3",
        "S4",
        "S5",
        "E",
        "V",
        "Q",
        "Z",
        "=",
        "=?",
        "?",
        ",",
        ";",
        "\"",
        "\r",
        "\r\n",
        "\x1a",
        "\x1b",
        "\0",
        "0",
        "1",
        "2",
        "4",
        "20",
        "255",
        "99999",
        "\"SM\"",
        "\"ME\"",
        "\"SR\"",
        "\"ALL\"",
        "\"UCS2\"",
        "+15551234567",
        "0011000B915155214365F70000A705E8329BFD06",
    ];
    let word = prop::sample::select(words.map(str::as_bytes).map(<[u8]>::to_vec).to_vec());
    let noise = prop::collection::vec(any::<u8>(), 1..8);
    prop::collection::vec(prop_oneof![8 => word, 1 => noise], 0..200).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_typing_leaves_a_modem_that_works_after_a_power_cycle(typed in pieces()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let device = device(&carrier());
            let mut typist = Typist::plug(&device);
            typist.write(&typed).await;
            typist.after(std::time::Duration::from_secs(3600)).await;
            typist.unplug().await;
            let mut typist = Typist::ready(&device).await;
            assert_eq!(typist.at("+CSQ").await, ["+CSQ: 21,99", "OK"]);
        });
    }
}
