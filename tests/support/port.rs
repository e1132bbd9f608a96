//! The driver's ways to a simulated modem's port in memory.
#![allow(dead_code, reason = "every test program uses a part of it")]

use smsotpd::modem::{Connecting, Connector, Io, Resetting};
use smsotpd::sim::{Device, MemoryPort};

/// A simulated modem's port. A modem that a fault unplugs stays away, unless somebody attends to it.
pub(crate) struct Port {
    port: MemoryPort,
    attended: bool,
}

impl Port {
    /// Nobody is there to plug in again what fell out.
    pub(crate) fn lonely(port: MemoryPort) -> Self {
        Self { port, attended: false }
    }

    /// Somebody plugs in again what fell out.
    pub(crate) fn attended(port: MemoryPort) -> Self {
        Self { port, attended: true }
    }
}

impl Connector for Port {
    fn connect(&mut self) -> Connecting<'_> {
        let opened = self.port.open().map(|port| Box::new(port) as Box<dyn Io>);
        if opened.is_err() && self.attended {
            self.port.plug();
        }
        Box::pin(async move { opened })
    }

    fn reset_usb(&mut self) -> Resetting<'_> {
        Box::pin(async move {
            self.port.unplug().await;
            self.port.plug();
            Ok(())
        })
    }
}

/// A port that is a pipe to the simulated modem, plugged in anew at every opening.
pub(crate) struct Pipe(pub(crate) Device);

impl Connector for Pipe {
    fn connect(&mut self) -> Connecting<'_> {
        let (driver, port) = tokio::io::duplex(4096);
        let device = self.0.clone();
        tokio::spawn(async move { device.serve(port).await });
        Box::pin(async move { Ok(Box::new(driver) as Box<dyn Io>) })
    }
}
