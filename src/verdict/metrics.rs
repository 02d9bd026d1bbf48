//! Round trips, loss and jitter of a path, as the verdict and the report state them.

use raincheck_probes::evidence::{PathEvidence, RelayRun, Rtt};

/// Packets that were sent and packets that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Sent.
    pub sent: u64,
    /// Arrived, never more than were sent.
    pub received: u64,
}

impl Loss {
    /// The share that was lost, 0 to 1.
    pub fn share(self) -> f64 {
        (self.sent - self.received) as f64 / self.sent as f64
    }

    /// The lower end of the 95 % confidence interval of the loss (Wilson score interval).
    pub fn at_least(self) -> f64 {
        const Z: f64 = 1.96;
        let n = self.sent as f64;
        let p = self.share();
        let middle = p + Z * Z / (2.0 * n);
        let margin = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - margin) / (1.0 + Z * Z / n)).max(0.0)
    }
}

/// Round trips of the path, milliseconds: of packets that went through the relay and back over this path
/// alone, or else of single STUN requests.
pub fn rtt(path: &PathEvidence) -> Option<Rtt> {
    let relayed: Vec<f64> = own(path).flat_map(|run| run.transit_ms.iter().copied()).collect();
    summarize(if relayed.is_empty() { path.request_rtt_ms.clone() } else { relayed })
}

/// Loss over the path: of the runs whose both ends lie on it, or else of its runs to another server.
pub fn loss(path: &PathEvidence) -> Option<Loss> {
    let runs = runs(path);
    let sent = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.sent));
    let received = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.received)).min(sent);
    (sent > 0).then_some(Loss { sent, received })
}

/// The worst jitter of the path's runs (RFC 3550 section 6.4.1), milliseconds.
pub fn jitter_ms(path: &PathEvidence) -> Option<f64> {
    runs(path).iter().filter_map(|run| run.jitter_ms).filter(|j| j.is_finite()).reduce(f64::max)
}

fn own(path: &PathEvidence) -> impl Iterator<Item = &RelayRun> {
    path.relay_runs.iter().filter(|run| run.far_end == path.id)
}

fn runs(path: &PathEvidence) -> Vec<&RelayRun> {
    let own: Vec<&RelayRun> = own(path).filter(|run| run.sent > 0).collect();
    if own.is_empty() { path.relay_runs.iter().collect() } else { own }
}

fn summarize(mut samples: Vec<f64>) -> Option<Rtt> {
    samples.retain(|ms| ms.is_finite() && *ms >= 0.0);
    samples.sort_by(f64::total_cmp);
    let n = samples.len();
    let at = |index: usize| samples.get(index).copied();
    let median = if n % 2 == 1 { at(n / 2)? } else { (at((n / 2).checked_sub(1)?)? + at(n / 2)?) / 2.0 };
    let p95 = at((n * 95).div_ceil(100).saturating_sub(1))?;
    Some(Rtt { min: at(0)?, median, p95, max: at(n - 1)?, samples: n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_95th_percentile_is_the_nearest_rank() {
        let rtt = summarize((1..=20).map(f64::from).collect()).unwrap();
        assert_eq!((rtt.min, rtt.median, rtt.p95, rtt.max, rtt.samples), (1.0, 10.5, 19.0, 20.0, 20));
        let one = summarize(vec![7.0]).unwrap();
        assert_eq!((one.min, one.median, one.p95, one.max), (7.0, 7.0, 7.0, 7.0));
        assert!(summarize(vec![f64::NAN]).is_none());
    }

    #[test]
    fn the_wilson_bound_needs_many_packets_to_be_sure_of_a_small_loss() {
        let few = Loss { sent: 50, received: 49 };
        assert!(few.share() > 0.01 && few.at_least() < 0.01);
        let many = Loss { sent: 1000, received: 970 };
        // Wilson, n = 1000, p = 0.03: 0.0211 to 0.0425.
        assert!((many.at_least() - 0.0211).abs() < 0.0002, "{}", many.at_least());
        assert_eq!(Loss { sent: 100, received: 100 }.at_least(), 0.0);
    }
}
