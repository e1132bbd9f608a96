//! Between a simulated modem and the daemon: the modem stays powered when the daemon dies, and its words take time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use smsotpd::modem::{Connecting, Connector, Io, Resetting};
use smsotpd::sim::Device;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Notify, mpsc, watch};

use crate::dice::Dice;

/// What a port holds in each direction.
const ROOM: usize = 64 * 1024;

/// The socket that a modem is plugged into. It is there for the daemon's whole life and longer.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    plugged: watch::Sender<bool>,
    present: watch::Sender<bool>,
    reset: Arc<Notify>,
    drivers: mpsc::UnboundedSender<DuplexStream>,
}

impl Socket {
    /// Plugs a modem in.
    pub(crate) fn new(device: Device, dice: Dice) -> Self {
        let (drivers, waiting) = mpsc::unbounded_channel();
        let (plugged, present) = (watch::Sender::new(true), watch::Sender::new(false));
        let socket = Self { plugged, present, reset: Arc::default(), drivers };
        tokio::spawn(socket.clone().power(device, waiting, dice));
        socket
    }

    /// Plugs the modem in or pulls it out.
    pub(crate) fn plug(&self, plugged: bool) {
        self.plugged.send_replace(plugged);
    }

    /// Runs the modem whenever it has power. A modem whose port vanished is back after a while.
    async fn power(self, device: Device, mut drivers: mpsc::UnboundedReceiver<DuplexStream>, mut dice: Dice) {
        let mut plugged = self.plugged.subscribe();
        while plugged.wait_for(|plugged| *plugged).await.is_ok() {
            let (port, host) = tokio::io::duplex(ROOM);
            self.present.send_replace(true);
            tokio::select! {
                biased;
                _ = plugged.wait_for(|plugged| !plugged) => {}
                () = self.reset.notified() => {}
                _ = device.serve(port) => {}
                () = carry(host, &device, &mut drivers, &mut dice) => {}
            }
            self.present.send_replace(false);
            while drivers.try_recv().is_ok() {}
            let away = device.take_absence().unwrap_or_else(|| dice.time(100, 8_000));
            tokio::time::sleep(away).await;
        }
    }
}

impl Connector for Socket {
    fn connect(&mut self) -> Connecting<'_> {
        let opened = if *self.present.borrow() {
            let (driver, port) = tokio::io::duplex(ROOM);
            let _ = self.drivers.send(port);
            Ok(Box::new(driver) as Box<dyn Io>)
        } else {
            Err(io::ErrorKind::NotFound.into())
        };
        Box::pin(async { opened })
    }

    fn reset_usb(&mut self) -> Resetting<'_> {
        self.reset.notify_waiters();
        Box::pin(async { Ok(()) })
    }
}

/// Carries bytes between the modem and the driver that has the port open. What the modem says to nobody is lost.
async fn carry(
    modem: DuplexStream,
    device: &Device,
    drivers: &mut mpsc::UnboundedReceiver<DuplexStream>,
    dice: &mut Dice,
) {
    let (mut from_modem, mut to_modem) = tokio::io::split(modem);
    let mut driver: Option<DuplexStream> = None;
    let (mut said, mut typed) = ([0; 1024], [0; 1024]);
    loop {
        tokio::select! {
            biased;
            read = from_modem.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                if dice.percent(10) {
                    tokio::time::sleep(latency(dice)).await;
                }
                if let Some(open) = &mut driver
                    && open.write_all(&said[..length]).await.is_err()
                {
                    // The driver has gone, but perhaps not all that it typed is read.
                }
            }
            read = type_in(&mut driver, &mut typed) => match read {
                Ok(length @ 1..) => {
                    if to_modem.write_all(&typed[..length]).await.is_err() {
                        return;
                    }
                }
                _ => {
                    driver = None;
                    device.faults().port_left();
                }
            },
            Some(next) = drivers.recv() => driver = Some(next),
        }
    }
}

async fn type_in(driver: &mut Option<DuplexStream>, typed: &mut [u8]) -> io::Result<usize> {
    match driver {
        Some(driver) => driver.read(typed).await,
        None => std::future::pending().await,
    }
}

fn latency(dice: &mut Dice) -> Duration {
    if dice.percent(5) { dice.time(100, 3_000) } else { dice.time(1, 40) }
}
