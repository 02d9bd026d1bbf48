//! What media needs: limits of quality, bandwidth and dynamic ports (sections 4.8 and 6).

use super::flow::Ports;
use serde::Deserialize;

/// Limits for good voice: sections 6.2 (hybrid softphone) and 6.3 (Rainbow Hub), which agree.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The sections.
    pub sections: Vec<String>,
    /// The codec's bit rate, kilobits per second.
    pub codec_kbps: f64,
    /// One direction of a call with UDP and IP headers, kilobits per second.
    pub call_kbps: f64,
    /// Latency in one direction, milliseconds, at most.
    pub one_way_ms: u32,
    /// Jitter, milliseconds, at most.
    pub jitter_ms: u32,
    /// Packet loss, 0 to 1, at most.
    pub loss: f64,
    /// What the figures hold for.
    pub notes: Vec<String>,
}

/// Bandwidth of one kind of media as an application sees it: section 6.1. Kilobits per second.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaBandwidth {
    /// The media.
    pub what: String,
    /// `both`, `up`, `down`, or a sentence.
    pub direction: String,
    /// At most, without what [`Self::each_kbps`] adds.
    pub max_kbps: u32,
    /// Added for each thumbnail.
    pub each_kbps: Option<u32>,
    /// How many thumbnails there can be.
    pub each_max: Option<u32>,
    /// On average.
    pub average_kbps: Option<u32>,
    /// At least.
    pub lowest_kbps: Option<u32>,
    /// What else matters.
    pub note: Option<String>,
}

/// The upper limit of one video stream: section 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoCap {
    /// Picture height, lines.
    pub lines: u32,
    /// Kilobits per second.
    pub kbps: u32,
}

/// Traffic of a PBX agent: section 6.4. Kilobytes, not kilobits, per second.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PbxAgentTraffic {
    /// The burst of connecting, by the number of subscribers.
    pub connection: Vec<ConnectionPeak>,
    /// Telephony events once connected, by the rate of calls.
    pub events: Vec<EventTraffic>,
    /// What the figures hold for.
    pub notes: Vec<String>,
}

/// The peak of connecting a PBX agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPeak {
    /// Subscribers of the PBX.
    pub subscribers: u32,
    /// Kilobytes per second.
    pub kbytes_per_s: u32,
}

/// Telephony events of a PBX agent.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTraffic {
    /// Calls per second.
    pub calls_per_s: u32,
    /// Call attempts in the busy hour.
    pub calls_per_busy_hour: u32,
    /// Kilobytes per second.
    pub kbytes_per_s: f64,
}

/// The ports that an operating system gives to outgoing connections, UDP and TCP: section 4.8.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicPorts {
    /// The operating system.
    pub system: String,
    /// Its range.
    pub ports: Ports,
}
