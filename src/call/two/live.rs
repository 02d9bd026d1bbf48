//! Offer and answer over a channel of the two rainchecks, candidates as they are found.

use super::{Admission, Deeds, Far, Meeting};
use crate::call::channel::{Channel, ChannelReceiver, ChannelSender, Code, Listener, Notice, connect};
use crate::call::courier::{Courier, Show};
use crate::call::run::{CallError, signalled};
use crate::settings::call::Signal;
use raincheck_probes::ice::Candidate;
use raincheck_probes::ice::signal::{
    CallId, Description, Envelope, Kind, LiveError, Message, Outcome, Reader, Setup, VERSION,
};
use raincheck_probes::secret::Secret;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long one message may take on its way.
const SEND_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn hold(
    meeting: Meeting<'_>,
    admission: &mut Admission,
    found: mpsc::Receiver<Candidate>,
    courier: &mut Courier,
) -> Result<(Deeds, Option<String>), CallError> {
    let channel = tokio::select! {
        channel = open(meeting, courier) => channel?,
        _ = meeting.ground.stop().wait() => {
            return Ok((Deeds::default(), Some("the other end did not connect".to_owned())));
        }
    };
    let (sender, receiver) = channel.split();
    let mut talk = Talk { sender, receiver, reader: Reader::new() };
    let (far, mut theirs) = tokio::select! {
        met = talk.meet(meeting, admission) => met?,
        _ = meeting.ground.stop().wait() => {
            return Ok((Deeds::default(), Some("the other end connected and said nothing".to_owned())));
        }
    };
    let trickle = async {
        match talk.trickle(meeting, admission, found, &mut theirs).await {
            // What there is to say is said; the call goes on without the channel.
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    let deeds = tokio::select! {
        deeds = meeting.call(&far) => deeds,
        error = trickle => return Err(error),
    };
    talk.end(&deeds).await;
    Ok((deeds, None))
}

async fn open(meeting: Meeting<'_>, courier: &mut Courier) -> Result<Channel, CallError> {
    let deadline = Instant::now() + meeting.settings.run.deadline;
    match &meeting.settings.signal {
        Signal::Listen(at) => {
            let (listener, code) = Listener::bind(at.as_slice()).await?;
            let shown = Show::Listening { at: listener.address(), code: Secret::new(code.reveal()) };
            show(courier, shown)?;
            let notice = |notice: Notice| {
                let _ = (courier.show)(Show::Notice(format!("turned away {}: {}", notice.from, notice.why)));
            };
            Ok(listener.accept(deadline, notice).await?)
        }
        Signal::Connect { to, code } => {
            let code: Code = code.expose().parse()?;
            Ok(connect(to, &code, deadline).await?)
        }
        Signal::Within | Signal::Paste | Signal::Sdp => Err(CallError::EndLost),
    }
}

fn show(courier: &mut Courier, what: Show) -> Result<(), CallError> {
    (courier.show)(what).map_err(|error| CallError::Io { what: "standard error", error })
}

/// The conversation of the two ends.
struct Talk {
    sender: ChannelSender,
    receiver: ChannelReceiver,
    reader: Reader,
}

impl Talk {
    /// Who is who, and what each says of itself.
    async fn meet(
        &mut self,
        meeting: Meeting<'_>,
        admission: &mut Admission,
    ) -> Result<(Far, Description), CallError> {
        let ours = meeting.kind();
        self.say(&Message::Hello { version: VERSION, role: ours }).await?;
        self.expect_hello(meeting, ours).await?;
        let id = CallId(meeting.ground.random());
        let theirs = match ours {
            Kind::Offer => {
                let description = meeting.description(Setup::ActPass, &[], false)?;
                self.describe(Kind::Offer, id, None, description).await?;
                self.description(meeting).await?.description
            }
            Kind::Answer => {
                let offer = self.description(meeting).await?;
                let description = meeting.description(offer.description.setup.answer(), &[], false)?;
                self.describe(Kind::Answer, id, Some(offer.id), description).await?;
                offer.description
            }
        };
        Ok((meeting.meet(&theirs, admission).await, theirs))
    }

    /// Candidates go both ways until both ends have said that there are no more, or the other end has left.
    async fn trickle(
        &mut self,
        meeting: Meeting<'_>,
        admission: &mut Admission,
        mut found: mpsc::Receiver<Candidate>,
        theirs: &mut Description,
    ) -> Result<(), CallError> {
        let (mut ours_done, mut theirs_done) = (false, false);
        while !(ours_done && theirs_done) {
            tokio::select! {
                candidate = found.recv(), if !ours_done => match candidate {
                    Some(candidate) => {
                        let candidate = signalled(&candidate);
                        admission.note_own(candidate.clone());
                        self.say(&Message::Candidate(candidate.sdp)).await?;
                    }
                    None => {
                        ours_done = true;
                        self.say(&Message::EndOfCandidates).await?;
                    }
                },
                message = self.next(meeting), if !theirs_done => match message? {
                    Some(Message::Candidate(line)) => meeting.trickled(theirs, &line, admission).await,
                    Some(Message::Bye(why)) if meeting.party.now().selected().is_none() => {
                        return Err(CallError::Left(why));
                    }
                    Some(Message::EndOfCandidates | Message::Bye(_)) | None => {
                        theirs_done = true;
                        meeting.party.end.remote_done().await;
                    }
                    Some(_) => {}
                },
            }
        }
        Ok(())
    }

    /// Says how it went, and goodbye. Whoever is not there any more needs neither.
    async fn end(mut self, deeds: &Deeds) {
        let text = if deeds.connected { None } else { Some("no pair was selected here".to_owned()) };
        let outcome = Outcome { connected: deeds.connected, local: None, remote: None, text };
        let said = self.say(&Message::Outcome(outcome)).await;
        if said.is_ok() {
            let _ = self.say(&Message::Bye("the call is over".to_owned())).await;
        }
        self.sender.close(Instant::now() + SEND_WITHIN).await;
    }

    async fn say(&mut self, message: &Message) -> Result<(), CallError> {
        let mut line = message.to_line();
        while line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(self.sender.send(&line, Instant::now() + SEND_WITHIN).await?)
    }

    async fn describe(
        &mut self,
        kind: Kind,
        id: CallId,
        answers: Option<CallId>,
        description: Description,
    ) -> Result<(), CallError> {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let envelope = Envelope { kind, id, answers, made, description };
        self.say(&Message::Description(Box::new(envelope))).await
    }

    /// The next message; none at the end of the channel. Safe to drop: a line is whole or not taken.
    async fn next(&mut self, meeting: Meeting<'_>) -> Result<Option<Message>, CallError> {
        let deadline = Instant::now() + meeting.settings.run.deadline;
        let Some(mut line) = self.receiver.receive(deadline).await? else { return Ok(None) };
        line.push(b'\n');
        let mut bytes = line.as_slice();
        Ok(self.reader.next(&mut bytes, meeting.ground.clock().now())?)
    }

    async fn expect_hello(&mut self, meeting: Meeting<'_>, ours: Kind) -> Result<(), CallError> {
        match self.next(meeting).await? {
            Some(Message::Hello { role, .. }) if role == ours => Err(CallError::SameRole(match ours {
                Kind::Offer => "offer",
                Kind::Answer => "answer",
            })),
            Some(Message::Hello { .. }) => Ok(()),
            Some(Message::Bye(why)) => Err(CallError::Left(why)),
            Some(_) => Err(CallError::Live(LiveError::NotAMessage(1))),
            None => Err(CallError::Left("it closed the channel".to_owned())),
        }
    }

    /// The other end's description.
    async fn description(&mut self, meeting: Meeting<'_>) -> Result<Envelope, CallError> {
        match self.next(meeting).await? {
            Some(Message::Description(envelope)) => Ok(*envelope),
            Some(Message::Bye(why)) => Err(CallError::Left(why)),
            Some(_) => Err(CallError::Live(LiveError::NotAMessage(2))),
            None => Err(CallError::Left("it closed the channel".to_owned())),
        }
    }
}
