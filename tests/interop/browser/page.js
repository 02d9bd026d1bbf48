"use strict";
// One RTCPeerConnection with one data channel, for the tests in this folder. Every function answers with a promise.
globalThis.ring = (() => {
  let connection = null;
  let channel = null;
  let microphone = null;
  let began = 0;
  let events = [];
  let errors = [];
  let candidates = 0;
  let pongs = [];
  let pings = 0;
  let waiting = [];

  const now = () => Math.round((performance.now() - began) * 10) / 10;
  const changed = () => waiting.splice(0).forEach((resume) => resume());
  const happened = (event) => {
    events.push([now(), event]);
    changed();
  };

  // Whether it held before the limit; looks again whenever something changed.
  async function until(holds, limit) {
    const end = performance.now() + limit;
    while (!holds()) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await new Promise((resume) => {
        waiting.push(resume);
        setTimeout(resume, left);
      });
    }
    return true;
  }

  async function reply(text) {
    pings += 1;
    // A message may come before its channel is said to be open, and until then nothing can be sent.
    if (await until(() => channel?.readyState === "open", 10000)) channel.send(`pong ${text}`);
    else happened("no reply: the channel did not open");
  }

  function adopt(opened) {
    channel = opened;
    channel.onopen = changed;
    channel.onmessage = ({ data }) => {
      if (data.startsWith("ping ")) reply(data.slice(5));
      else pongs.push(data);
      changed();
    };
  }

  async function open({ ice_servers, policy, hold_microphone }) {
    await close();
    if (hold_microphone) microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    began = performance.now();
    connection = new RTCPeerConnection({
      iceServers: ice_servers,
      iceTransportPolicy: policy,
      bundlePolicy: "max-bundle",
    });
    connection.onicecandidate = ({ candidate }) => {
      if (candidate && candidate.candidate) candidates += 1;
      changed();
    };
    connection.onicecandidateerror = ({ url, errorCode, errorText }) =>
      errors.push({ at_ms: now(), url, code: errorCode, text: errorText });
    connection.onicegatheringstatechange = changed;
    connection.oniceconnectionstatechange = () => happened(connection.iceConnectionState);
    connection.onconnectionstatechange = () => happened(`pc:${connection.connectionState}`);
    connection.ondatachannel = (event) => adopt(event.channel);
  }

  async function close() {
    if (connection) connection.close();
    if (microphone) microphone.getTracks().forEach((track) => track.stop());
    connection = channel = microphone = null;
    [events, errors, pongs] = [[], [], []];
    candidates = pings = 0;
    changed();
  }

  async function offer() {
    adopt(connection.createDataChannel("ring"));
    await connection.setLocalDescription(await connection.createOffer());
  }

  async function answer(sdp) {
    await connection.setRemoteDescription({ type: "offer", sdp });
    await connection.setLocalDescription(await connection.createAnswer());
  }

  async function accept(sdp) {
    await connection.setRemoteDescription({ type: "answer", sdp });
  }

  // The description with all candidates in it: once gathering has ended, or none has come for that long. A browser
  // waits ten seconds and more for a server that is silent over UDP, and no candidate comes of it.
  async function gathered(limit, quiet) {
    const complete = () => connection.iceGatheringState === "complete";
    let settled = await until(() => complete() || candidates > 0, limit);
    while (settled && !complete()) {
      const seen = candidates;
      if (!(await until(() => complete() || candidates > seen, quiet))) break;
    }
    return { sdp: connection.localDescription.sdp, settled };
  }

  // ICE and DTLS; a data channel need not be open.
  async function connected(limit) {
    const ended = ["connected", "failed", "closed"];
    await until(() => ended.includes(connection.connectionState), limit);
    return connection.connectionState;
  }

  async function echo(text, limit) {
    const opened = await until(() => channel && channel.readyState === "open", limit);
    if (!opened) return null;
    const seen = pongs.length;
    channel.send(`ping ${text}`);
    return (await until(() => pongs.length > seen, limit)) ? pongs[seen].slice(5) : null;
  }

  async function stats() {
    const report = await connection.getStats();
    const all = [...report.values()];
    const transport = all.find((entry) => entry.type === "transport");
    const chosen = transport?.selectedCandidatePairId;
    const end = (id) => {
      const candidate = report.get(id) ?? {};
      return {
        type: candidate.candidateType ?? null,
        protocol: candidate.protocol ?? null,
        relay_protocol: candidate.relayProtocol ?? null,
        address: candidate.address ?? null,
        port: candidate.port ?? null,
        priority: candidate.priority ?? null,
        url: candidate.url || null,
      };
    };
    const pairs = all
      .filter((entry) => entry.type === "candidate-pair")
      .map((pair) => ({
        // Firefox has no transport statistics, but says it of the pair.
        selected: chosen ? pair.id === chosen : pair.selected === true,
        state: pair.state,
        nominated: pair.nominated === true,
        priority: String(pair.priority ?? ""),
        rtt_s: pair.currentRoundTripTime ?? null,
        local: end(pair.localCandidateId),
        remote: end(pair.remoteCandidateId),
      }));
    return {
      at_ms: now(),
      pairs,
      connection: connection.connectionState,
      ice: connection.iceConnectionState,
      dtls: transport?.dtlsState ?? connection.sctp?.transport?.state ?? null,
      channel: channel ? channel.readyState : null,
      pings,
      pongs: pongs.length,
      events,
      errors,
    };
  }

  // The statistics once the selected pair looks like this (only the named members count), or when time is up.
  async function selects({ local, remote }, limit) {
    const same = (wanted, end) => Object.entries(wanted).every(([name, values]) => values.includes(end[name]));
    const end = performance.now() + limit;
    for (;;) {
      const seen = await stats();
      const pair = seen.pairs.find((each) => each.selected);
      if (pair && same(local, pair.local) && same(remote, pair.remote)) return seen;
      if (performance.now() >= end) return seen;
      await new Promise((resume) => setTimeout(resume, 20));
    }
  }

  return { open, close, offer, answer, accept, gathered, connected, echo, stats, selects };
})();
