//! A pseudo-terminal that stands for the modem's port: programs open its path as they would open `/dev/ttyUSB2`.
//!
//! Programs may come and go. While nobody has the port open, what the modem says is lost, as on a real port; nothing
//! is kept for whoever comes next. The modem itself never sees an end of file.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::inotify;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, QueueSelector};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::Faults;

/// A pseudo-terminal, seen from the modem's side.
#[derive(Debug)]
pub struct Terminal {
    modem_side: AsyncFd<OwnedFd>,
    /// Held open, so that the modem's side does not report a hang-up when the last program closes the port.
    program_side: OwnedFd,
    /// Tells when a program opens or closes the port.
    watch: AsyncFd<OwnedFd>,
    programs: usize,
    path: PathBuf,
    link: Option<PathBuf>,
    faults: Option<Faults>,
}

impl Terminal {
    /// Opens a pseudo-terminal, raw and without echo, and makes `link` point to it.
    ///
    /// A link that is already there is replaced; anything else there is an error. The link is removed on drop.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no pseudo-terminal left, or the link cannot be made.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let modem_side = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&modem_side)?;
        rustix::pty::unlockpt(&modem_side)?;
        let name = rustix::pty::ptsname(&modem_side, Vec::new())?;
        let path = PathBuf::from(name.to_string_lossy().into_owned());
        let program_side = rustix::pty::ioctl_tiocgptpeer(
            &modem_side,
            OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
        )?;
        make_fresh(&program_side)?;
        rustix::io::ioctl_fionbio(&modem_side, true)?;
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        inotify::add_watch(&watch, &path, inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE)?;
        if let Some(link) = link {
            place_link(&path, link)?;
        }
        Ok(Self {
            modem_side: on_runtime(modem_side)?,
            program_side,
            watch: on_runtime(watch)?,
            programs: 0,
            path,
            link: link.map(Path::to_owned),
            faults: None,
        })
    }

    /// Lets these faults know how programs open, close and set the port.
    #[must_use]
    pub fn telling(mut self, faults: &Faults) -> Self {
        self.faults = Some(faults.clone());
        self
    }

    /// Where programs find the port: the link, or without one the pseudo-terminal itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.path)
    }

    /// Counts the programs that have the port open, and asks to be woken when that changes.
    fn poll_programs(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.count_programs()?;
        while let Poll::Ready(guard) = self.watch.poll_read_ready(context) {
            guard?.clear_ready();
        }
        Ok(())
    }

    fn count_programs(&mut self) -> io::Result<()> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 512];
        let mut events = inotify::Reader::new(self.watch.get_ref(), &mut buffer);
        let mut left = false;
        loop {
            let opened = match events.next() {
                Ok(event) => event.events().contains(inotify::ReadFlags::OPEN),
                Err(rustix::io::Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            };
            self.programs = if opened { self.programs + 1 } else { self.programs.saturating_sub(1) };
            left |= self.programs == 0;
        }
        if !left {
            return Ok(());
        }
        if let Some(faults) = &self.faults {
            faults.port_left();
        }
        // A program that came meanwhile has set the port as it wants it, but it must not read what was not for it.
        if self.programs == 0 { make_fresh(&self.program_side) } else { forget_unread(&self.program_side) }
    }

    fn tell_speed(&self) -> io::Result<()> {
        match &self.faults {
            Some(faults) if faults.heeds_speed() => {
                faults.port_speed(rustix::termios::tcgetattr(&self.program_side)?.output_speed());
            }
            _ => {}
        }
        Ok(())
    }
}

/// Joins a descriptor to the runtime.
#[expect(
    deprecated,
    reason = "what may go wrong is a type that changes its descriptor while it is registered; an OwnedFd cannot, and \
              the call that replaces this one needs unsafe code"
)]
fn on_runtime(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

/// Makes the port as the system gives it to the first program: raw, with nothing to read, and nobody's alone.
fn make_fresh(program_side: &OwnedFd) -> io::Result<()> {
    let mut settings = rustix::termios::tcgetattr(program_side)?;
    settings.make_raw();
    rustix::termios::tcsetattr(program_side, OptionalActions::Now, &settings)?;
    forget_unread(program_side)?;
    rustix::termios::ioctl_tiocnxcl(program_side)?;
    Ok(())
}

fn forget_unread(program_side: &OwnedFd) -> io::Result<()> {
    Ok(rustix::termios::tcflush(program_side, QueueSelector::IFlush)?)
}

/// Makes `link` point to `path`, in place of an old link.
fn place_link(path: &Path, link: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link) {
        Ok(found) if !found.is_symlink() => {
            let reason = format!("{} is there and is not a link", link.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        Ok(_) => std::fs::remove_file(link)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    std::os::unix::fs::symlink(path, link)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Another simulator may have taken the link over; then it is not ours to remove.
        if let Some(link) = &self.link
            && std::fs::read_link(link).is_ok_and(|target| target == self.path)
        {
            let _ = std::fs::remove_file(link);
        }
    }
}

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_programs(context)?;
        loop {
            let mut guard = ready!(this.modem_side.poll_read_ready(context))?;
            let read = guard.try_io(|side| Ok(rustix::io::read(side.get_ref(), buffer.initialize_unfilled())?));
            if let Ok(read) = read {
                this.tell_speed()?;
                return Poll::Ready(read.map(|count| buffer.advance(count)));
            }
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_programs(context)?;
        if this.programs == 0 {
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            let mut guard = ready!(this.modem_side.poll_write_ready(context))?;
            if let Ok(written) = guard.try_io(|side| Ok(rustix::io::write(side.get_ref(), bytes)?)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
