//! Where a result goes: standard output, or a file that is replaced once the result is complete.

use crate::settings::SettingsError;
use crate::settings::secrets::plain_reason;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// An open output. Opened before the run, so that a result is never computed for nothing.
///
/// A reader who has seen enough (`| head`) is no error: what he does not read is dropped. A file keeps its old
/// contents until [`finish`](Self::finish); dropped before that, it was never touched.
#[derive(Debug)]
pub struct Output(Kind);

#[derive(Debug)]
enum Kind {
    Stdout {
        closed: bool,
    },
    /// Standard error, where standard output carries something else.
    Stderr,
    /// A device, a pipe: something that cannot be replaced.
    Direct(BufWriter<File>, PathBuf),
    Replace(Replacement),
}

#[derive(Debug)]
struct Replacement {
    file: Option<BufWriter<File>>,
    temporary: PathBuf,
    target: PathBuf,
}

impl Output {
    /// Opens `-o FILE`; none or `-` is standard output.
    pub fn open(path: Option<&Path>) -> Result<Self, SettingsError> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self(Kind::Stdout { closed: false }));
        };
        let failed = |error: io::Error| error_of(path, &error);
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                Err(SettingsError::Output { path: path.into(), reason: "it is a directory".to_owned() })
            }
            Ok(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(Self(Kind::Direct(BufWriter::new(file), path.into())))
            }
            Ok(_) => {
                // A link stays one, and a file that may not be written is not replaced either.
                let target = fs::canonicalize(path).map_err(failed)?;
                OpenOptions::new().append(true).open(&target).map_err(failed)?;
                Replacement::open(target).map(|file| Self(Kind::Replace(file))).map_err(failed)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Replacement::open(path.to_path_buf()).map(|file| Self(Kind::Replace(file))).map_err(failed)
            }
            // Windows has no metadata of a device such as `NUL`.
            Err(error) => match OpenOptions::new().write(true).open(path) {
                Ok(file) => Ok(Self(Kind::Direct(BufWriter::new(file), path.into()))),
                Err(_) => Err(failed(error)),
            },
        }
    }

    /// Standard error: for a result beside a standard output that is a protocol.
    pub fn stderr() -> Self {
        Self(Kind::Stderr)
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.0, Kind::Stdout { .. })
    }

    /// Completes the output: everything is written, and a file takes its name.
    pub fn finish(mut self) -> Result<(), SettingsError> {
        let done = match &mut self.0 {
            Kind::Stdout { .. } => return self.flush().map_err(|error| error_of(Path::new("-"), &error)),
            Kind::Stderr => return Ok(()),
            Kind::Direct(file, path) => tolerate(file.flush()).map_err(|error| (error, path.clone())),
            Kind::Replace(file) => file.complete().map_err(|error| (error, file.target.clone())),
        };
        done.map_err(|(error, path)| error_of(&path, &error))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Stdout { closed: true } => Ok(bytes.len()),
            Kind::Stdout { closed } => match io::stdout().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    *closed = true;
                    Ok(bytes.len())
                }
                other => other,
            },
            Kind::Stderr => io::stderr().write(bytes),
            Kind::Direct(file, _) => file.write(bytes),
            Kind::Replace(replacement) => match &mut replacement.file {
                Some(file) => file.write(bytes),
                None => Err(io::Error::other("the output is complete")),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stdout { closed: true } => Ok(()),
            Kind::Stdout { closed: false } => tolerate(io::stdout().flush()),
            Kind::Stderr => tolerate(io::stderr().flush()),
            Kind::Direct(file, _) => file.flush(),
            Kind::Replace(replacement) => replacement.file.as_mut().map_or(Ok(()), BufWriter::flush),
        }
    }
}

impl Replacement {
    fn open(target: PathBuf) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let temporary = target.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self { file: Some(BufWriter::new(file)), temporary, target })
    }

    fn complete(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let renamed = file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| {
                if let Ok(old) = fs::metadata(&self.target) {
                    file.set_permissions(old.permissions())?;
                }
                file.sync_all()
            })
            .and_then(|()| fs::rename(&self.temporary, &self.target));
        if renamed.is_err() {
            let _ = fs::remove_file(&self.temporary);
        }
        renamed
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn tolerate(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn error_of(path: &Path, error: &io::Error) -> SettingsError {
    SettingsError::Output { path: path.into(), reason: plain_reason(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("directory");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_only_when_the_output_is_finished() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("result.json");
        fs::write(&path, "old").expect("write");

        let mut output = Output::open(Some(&path)).expect("open");
        output.write_all(b"new").expect("write");
        assert_eq!(fs::read_to_string(&path).expect("read"), "old");
        output.finish().expect("finish");
        assert_eq!(fs::read_to_string(&path).expect("read"), "new");
        assert_eq!(names(directory.path()), ["result.json"]);
    }

    #[test]
    fn an_output_that_is_dropped_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("directory");
        let mut output = Output::open(Some(&directory.path().join("new"))).expect("open");
        output.write_all(b"half").expect("write");
        drop(output);
        assert_eq!(names(directory.path()), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_written_is_told_before_the_run() {
        let directory = tempfile::tempdir().expect("directory");
        let reason = |path: &Path| match Output::open(Some(path)) {
            Err(SettingsError::Output { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(directory.path()), "it is a directory");
        assert_eq!(reason(&directory.path().join("no/such")), "No such file or directory");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_is_written_directly() {
        let directory = tempfile::tempdir().expect("directory");
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old").expect("write");
        std::os::unix::fs::symlink(&target, &link).expect("link");
        let mut output = Output::open(Some(&link)).expect("open");
        output.write_all(b"new").expect("write");
        output.finish().expect("finish");
        assert!(fs::symlink_metadata(&link).expect("link").is_symlink());
        assert_eq!(fs::read_to_string(&target).expect("read"), "new");

        let mut null = Output::open(Some(Path::new("/dev/null"))).expect("open");
        null.write_all(b"gone").expect("write");
        null.finish().expect("finish");
    }

    #[cfg(windows)]
    #[test]
    fn the_null_device_can_be_the_output() {
        let mut null = Output::open(Some(Path::new("NUL"))).expect("open");
        null.write_all(b"gone").expect("write");
        null.finish().expect("finish");
    }
}
