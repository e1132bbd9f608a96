//! The `smsotpd` command.

fn main() {}
