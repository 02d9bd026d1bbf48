//! Offer and answer as a whole: a line to paste, or a session description.

use super::{Admission, Deeds, Meeting};
use crate::call::courier::{Courier, Show};
use crate::call::run::{CallError, signalled};
use crate::settings::call::Signal;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::signal::{CallId, Description, Envelope, Kind, MAX_SDP, Sdp, Setup};
use raincheck_probes::machine::Offset;
use raincheck_probes::secret::Secret;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// The most that is read of a session description, in lines. One that has more bytes than its reader takes is not read
/// to its end either.
const MAX_LINES: usize = 4_000;

/// What came of the wait for the other end.
enum Came<T> {
    /// This.
    Here(T),
    /// The run ended first.
    Ended,
}

pub(super) async fn hold(
    meeting: Meeting<'_>,
    admission: &mut Admission,
    found: mpsc::Receiver<Candidate>,
    courier: Courier,
) -> Result<(Deeds, Option<String>), CallError> {
    let Courier { show, lines, interactive } = courier;
    let mut desk = Desk { show, lines: None, open: Some(lines), interactive };
    let as_sdp = matches!(meeting.settings.signal, Signal::Sdp);
    let silent = |what: &str| (Deeds::default(), Some(format!("the {what} of the other end did not come")));
    let theirs = match meeting.kind() {
        Kind::Offer => {
            gather(meeting, admission, found).await;
            let id = CallId(meeting.ground.random());
            let ours = meeting.description(Setup::ActPass, &admission.ours, true)?;
            desk.send(offer(&ours, id, as_sdp))?;
            match desk.receive(meeting, |text| answer_of(text, id, as_sdp, meeting)).await? {
                Came::Here(theirs) => theirs,
                Came::Ended => return Ok(silent("answer")),
            }
        }
        Kind::Answer => {
            desk.ask(if as_sdp { "the SDP offer" } else { "the line of the end that offers" })?;
            let (theirs, reply) = match desk.receive(meeting, |text| offer_of(text, as_sdp, meeting)).await? {
                Came::Here(offered) => offered,
                Came::Ended => return Ok(silent("offer")),
            };
            gather(meeting, admission, found).await;
            let ours = meeting.description(theirs.setup.answer(), &admission.ours, true)?;
            desk.send(reply.write(&ours, meeting))?;
            theirs
        }
    };
    let far = meeting.meet(&theirs, admission).await;
    meeting.party.end.remote_done().await;
    // Whoever answered is there; our own answer somebody may still be carrying over.
    let waits = meeting.kind() == Kind::Answer && !theirs.lite;
    if waits && !meeting.party.checked().await {
        let why = "the other end did not begin: no check of its came, so our answer may not have reached it";
        return Ok((Deeds::default(), Some(why.to_owned())));
    }
    let deeds = tokio::select! {
        deeds = meeting.call(&far) => deeds,
        () = meeting.party.spent(meeting.settings.run.patience) => Deeds::default(),
    };
    Ok((deeds, None))
}

/// Gathers to the end: what is written down cannot be added to.
async fn gather(meeting: Meeting<'_>, admission: &mut Admission, mut found: mpsc::Receiver<Candidate>) {
    let stop = meeting.ground.stop();
    loop {
        tokio::select! {
            candidate = found.recv() => match candidate {
                Some(candidate) => meeting.found(signalled(&candidate), admission).await,
                None => return,
            },
            _ = stop.wait() => return,
        }
    }
}

fn offer(ours: &Description, id: CallId, as_sdp: bool) -> Show {
    if as_sdp {
        return Show::Sdp(Secret::new(ours.to_offer_sdp()));
    }
    let envelope =
        Envelope { kind: Kind::Offer, id, answers: None, made: unix_time(), description: ours.clone() };
    Show::Line(Secret::new(envelope.to_line()))
}

fn answer_of(text: &str, id: CallId, as_sdp: bool, meeting: Meeting<'_>) -> Result<Description, CallError> {
    let at = meeting.ground.clock().now();
    if as_sdp {
        return Ok(Sdp::read(text, Kind::Answer, at)?.description);
    }
    Ok(Envelope::read_answer(text.trim(), id, at)?.description)
}

/// How an offer wants to be answered.
enum Reply {
    Line(CallId),
    Sdp(Box<Sdp>),
}

impl Reply {
    fn write(&self, ours: &Description, meeting: Meeting<'_>) -> Show {
        match self {
            Self::Sdp(offer) => Show::Sdp(Secret::new(ours.to_answer_sdp(offer))),
            Self::Line(answers) => Show::Line(Secret::new(
                Envelope {
                    kind: Kind::Answer,
                    id: CallId(meeting.ground.random()),
                    answers: Some(*answers),
                    made: unix_time(),
                    description: ours.clone(),
                }
                .to_line(),
            )),
        }
    }
}

fn offer_of(text: &str, as_sdp: bool, meeting: Meeting<'_>) -> Result<(Description, Reply), CallError> {
    let at = meeting.ground.clock().now();
    if as_sdp {
        let sdp = Sdp::read(text, Kind::Offer, at)?;
        return Ok((sdp.description.clone(), Reply::Sdp(Box::new(sdp))));
    }
    let envelope = Envelope::read_offer(text.trim(), unix_time(), at)?;
    Ok((envelope.description, Reply::Line(envelope.id)))
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The person, or the script, at our side.
struct Desk {
    show: Box<dyn FnMut(Show) -> io::Result<()> + Send>,
    lines: Option<mpsc::Receiver<io::Result<String>>>,
    open: Option<Box<dyn FnOnce() -> mpsc::Receiver<io::Result<String>> + Send>>,
    interactive: bool,
}

impl Desk {
    fn send(&mut self, show: Show) -> Result<(), CallError> {
        (self.show)(show).map_err(|error| CallError::Io { what: "standard output", error })?;
        Ok(())
    }

    fn ask(&mut self, what: &'static str) -> Result<(), CallError> {
        self.send(Show::Ask(what))
    }

    /// Reads until something can be used. A person may try again; a script is told at once.
    async fn receive<T>(
        &mut self,
        meeting: Meeting<'_>,
        read: impl Fn(&str) -> Result<T, CallError>,
    ) -> Result<Came<T>, CallError> {
        let as_sdp = matches!(meeting.settings.signal, Signal::Sdp);
        let what = match (meeting.kind(), as_sdp) {
            (Kind::Offer, true) => "the SDP answer",
            (Kind::Offer, false) => "the line of the end that answers",
            (Kind::Answer, true) => "the SDP offer",
            (Kind::Answer, false) => "the line of the end that offers",
        };
        if meeting.kind() == Kind::Offer {
            self.ask(what)?;
        }
        loop {
            let text = tokio::select! {
                text = self.text(as_sdp) => text?,
                _ = meeting.ground.stop().wait() => return Ok(Came::Ended),
            };
            let Some(text) = text else { return Err(CallError::NoLine(what)) };
            match read(&text) {
                Ok(here) => return Ok(Came::Here(here)),
                Err(error) if self.interactive => self.send(Show::Notice(error.to_string()))?,
                Err(error) => return Err(error),
            }
        }
    }

    /// What was pasted, or a whole session description, which an empty line ends. None at the end of the input.
    async fn text(&mut self, as_sdp: bool) -> Result<Option<String>, CallError> {
        if as_sdp { self.description().await } else { self.pasted().await }
    }

    async fn line(&mut self) -> Result<Option<String>, CallError> {
        if let Some(open) = self.open.take() {
            self.lines = Some(open());
        }
        let Some(lines) = &mut self.lines else { return Ok(None) };
        match lines.recv().await {
            Some(Ok(line)) => Ok(Some(line)),
            Some(Err(error)) => Err(CallError::Io { what: "standard input", error }),
            None => Ok(None),
        }
    }

    async fn description(&mut self) -> Result<Option<String>, CallError> {
        let mut text = String::new();
        for _ in 0..MAX_LINES {
            let Some(line) = self.line().await? else { break };
            match (line.trim().is_empty(), text.is_empty()) {
                (true, true) => {}
                (true, false) => break,
                (false, _) => {
                    text.push_str(line.trim_end_matches(['\r', '\n']));
                    text.push_str("\r\n");
                }
            }
            if text.len() > MAX_SDP {
                break;
            }
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The pieces of a line, joined until nothing is missing, an empty line comes, or it begins anew: terminals take
    /// short lines alone.
    async fn pasted(&mut self) -> Result<Option<String>, CallError> {
        let mut text = String::new();
        for _ in 0..MAX_LINES {
            let Some(line) = self.line().await? else { break };
            // As mail quotes it.
            let piece = line.trim_start_matches(['>', ' ']).trim();
            match (piece.is_empty(), text.is_empty()) {
                (true, true) => continue,
                (true, false) => break,
                (false, _) if Envelope::begins(piece) => piece.clone_into(&mut text),
                (false, _) => text.push_str(piece),
            }
            if !Envelope::is_cut(&text, Offset::ZERO) {
                break;
            }
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}
