//! Offer and answer over a channel of the two rainchecks, candidates as they are found.

use super::{Admission, Deeds, Far, Meeting};
use crate::call::channel::{
    Channel, ChannelError, ChannelReceiver, ChannelSender, Code, Listener, Notice, connect,
};
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

/// What is said of an end that says nothing.
const CLOSED: &str = "it closed the channel";
/// Strangers that are told one by one.
const MAX_NOTICES: usize = 8;
/// How long one message may take on its way.
const SEND_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn hold(
    meeting: Meeting<'_>,
    admission: &mut Admission,
    found: mpsc::Receiver<Candidate>,
    courier: &mut Courier,
) -> Result<(Deeds, Option<String>), CallError> {
    let unsignalled = |why: &str| Ok((Deeds::default(), Some(why.to_owned())));
    let stop = meeting.ground.stop();
    let Some(channel) = stop.unless(open(meeting, courier)).await else {
        return unsignalled("the other end did not connect");
    };
    let channel = match channel {
        Err(CallError::Channel(error @ ChannelError::NobodyCame { .. })) => {
            return unsignalled(&error.to_string());
        }
        channel => channel?,
    };
    let (sender, receiver) = channel.split();
    let mut talk = Talk { sender, receiver, reader: Reader::new() };
    let Some(met) = stop.unless(talk.meet(meeting, admission)).await else {
        return unsignalled("the other end connected and said nothing");
    };
    let (far, mut theirs) = match met {
        Ok(met) => met,
        Err(error) => {
            let error = talk.reason(meeting, error).await;
            talk.leave(&error.to_string()).await;
            return unsignalled(&of_the_other_end(error)?);
        }
    };
    let (deeds, signalling) = tokio::select! {
        deeds = meeting.call(&far) => (deeds, None),
        over = talk.signal(meeting, admission, found, &mut theirs) => match over {
            Over::Decided => (Deeds::default(), None),
            Over::Broken(error) => {
                talk.leave(&error.to_string()).await;
                return unsignalled(&of_the_other_end(error)?);
            }
        },
    };
    talk.end(&deeds).await;
    Ok((deeds, signalling))
}

/// How the signalling ended a call that had not connected.
enum Over {
    /// Neither end has a pair that works.
    Decided,
    /// It ended itself.
    Broken(CallError),
}

/// What the other end did wrong leaves open whether calls connect; what we did is an error.
fn of_the_other_end(error: CallError) -> Result<String, CallError> {
    match error {
        CallError::Left(_) | CallError::Live(_) | CallError::Channel(_) => Ok(error.to_string()),
        ours => Err(ours),
    }
}

async fn open(meeting: Meeting<'_>, courier: &mut Courier) -> Result<Channel, CallError> {
    let deadline = Instant::now() + meeting.settings.run.deadline;
    match &meeting.settings.signal {
        Signal::Listen(at) => {
            let (listener, code) = Listener::bind(at.as_slice()).await?;
            let shown = Show::Listening { at: listener.address(), code: Secret::new(code.reveal()) };
            show(courier, shown)?;
            let mut told = 0;
            let notice = |notice: Notice| {
                told += 1;
                // A scanner must not scroll the code away.
                let text = match told {
                    ..=MAX_NOTICES => format!("turned away {}: {}", notice.from, notice.why),
                    n if n == MAX_NOTICES + 1 => "more are turned away, and not told one by one".to_owned(),
                    _ => return,
                };
                let _ = (courier.show)(Show::Notice(text));
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

    /// Carries candidates both ways, and tells when that has ended the call. A call that is up goes on without the
    /// channel, whatever becomes of it.
    async fn signal(
        &mut self,
        meeting: Meeting<'_>,
        admission: &mut Admission,
        found: mpsc::Receiver<Candidate>,
        theirs: &mut Description,
    ) -> Over {
        let over = match self.trickle(meeting, admission, found, theirs).await {
            Ok(()) => tokio::select! {
                () = meeting.party.spent(meeting.settings.run.patience) => Over::Decided,
                over = self.verdict(meeting) => over,
            },
            Err(error) => Over::Broken(self.reason(meeting, error).await),
        };
        if meeting.party.now().selected().is_some() {
            meeting.party.end.remote_done().await;
            return std::future::pending().await;
        }
        over
    }

    /// Candidates go both ways until both ends have said that there are no more, or the other end has closed.
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
                        meeting.found(candidate.clone(), admission).await;
                        self.say(&Message::Candidate(candidate.sdp)).await?;
                    }
                    None => {
                        ours_done = true;
                        self.say(&Message::EndOfCandidates).await?;
                    }
                },
                message = self.next(meeting), if !theirs_done => match message? {
                    Some(Message::Candidate(line)) => meeting.trickled(theirs, &line, admission).await,
                    Some(Message::Bye(why)) => return Err(CallError::Left(why)),
                    None => return Err(CallError::Left(CLOSED.to_owned())),
                    Some(Message::EndOfCandidates) => {
                        theirs_done = true;
                        meeting.party.end.remote_done().await;
                    }
                    Some(_) => {}
                },
            }
        }
        Ok(())
    }

    /// Who finds that it cannot send may still read why: the other end says it before it closes.
    async fn reason(&mut self, meeting: Meeting<'_>, error: CallError) -> CallError {
        if !matches!(error, CallError::Channel(ChannelError::Cut)) {
            return error;
        }
        loop {
            match self.next(meeting).await {
                Ok(Some(Message::Bye(why))) => return CallError::Left(why),
                Ok(Some(_)) => {}
                Ok(None) => return CallError::Left(CLOSED.to_owned()),
                Err(_) => return error,
            }
        }
    }

    /// What the other end says of a call that it holds no longer.
    async fn verdict(&mut self, meeting: Meeting<'_>) -> Over {
        loop {
            match self.next(meeting).await {
                Ok(Some(Message::Outcome(Outcome { connected: false, .. }))) => return Over::Decided,
                Ok(Some(Message::Bye(why))) => return Over::Broken(CallError::Left(why)),
                Ok(None) => return Over::Broken(CallError::Left(CLOSED.to_owned())),
                Ok(Some(_)) => {}
                Err(error) => return Over::Broken(error),
            }
        }
    }

    /// Says how it went, and goodbye. Whoever is not there any more needs neither.
    async fn end(mut self, deeds: &Deeds) {
        let text = if deeds.connected { None } else { Some("no pair was selected here".to_owned()) };
        let outcome = Outcome { connected: deeds.connected, local: None, remote: None, text };
        if self.say(&Message::Outcome(outcome)).await.is_ok() {
            self.leave("the call is over").await;
        }
    }

    /// Says goodbye, and why.
    async fn leave(mut self, why: &str) {
        let _ = self.say(&Message::Bye(why.to_owned())).await;
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
            None => Err(CallError::Left(CLOSED.to_owned())),
        }
    }

    /// The other end's description.
    async fn description(&mut self, meeting: Meeting<'_>) -> Result<Envelope, CallError> {
        match self.next(meeting).await? {
            Some(Message::Description(envelope)) if envelope.kind != meeting.kind() => Ok(*envelope),
            Some(Message::Bye(why)) => Err(CallError::Left(why)),
            Some(_) => Err(CallError::Live(LiveError::NotAMessage(2))),
            None => Err(CallError::Left(CLOSED.to_owned())),
        }
    }
}
