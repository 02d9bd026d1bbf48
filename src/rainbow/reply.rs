//! What the platform's replies mean.

use raincheck_probes::ice::CandidateType;
use raincheck_probes::server::Json;

/// `environmentApiUrl` of the home platform lookup, wherever in the reply it stands.
pub(super) fn environment_url(document: &Json) -> Option<String> {
    let places = [Some(document), document.get("data"), first(document.get("data")), first(Some(document))];
    let url = places.into_iter().flatten().find_map(|place| place.get("environmentApiUrl"))?;
    url.text().map(str::to_owned)
}

fn first(value: Option<&Json>) -> Option<&Json> {
    value?.items()?.first()
}

/// Whether the sign-in methods name the company's identity provider and no password.
pub(super) fn is_sso_only(document: &Json) -> bool {
    let methods = document.get("data").unwrap_or(document);
    let methods = methods.items().unwrap_or(std::slice::from_ref(methods));
    let kinds: Vec<String> = methods
        .iter()
        .filter_map(|method| ["type", "authenticationType"].into_iter().find_map(|key| method.get(key)))
        .filter_map(Json::text)
        .map(str::to_ascii_lowercase)
        .collect();
    let sso = |kind: &String| ["saml", "oidc", "sso"].iter().any(|name| kind.contains(name));
    !kinds.is_empty() && kinds.iter().all(sso)
}

/// Whether a refusal speaks of the application rather than of the user.
pub(super) fn is_about_application(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["app-auth", "appid", "application"].iter().any(|word| words.contains(word))
}

/// `{"data": []}` and the like: an answer, and no servers in it.
pub(super) fn is_empty_list(document: &Json) -> bool {
    [Some(document), document.get("data"), document.get("iceServers")]
        .into_iter()
        .flatten()
        .any(|list| list.items().is_some_and(<[_]>::is_empty))
}

/// `data.negotiation.iceFiltering`: the candidate types that are dropped. `None` when the reply says nothing.
pub(super) fn ice_filtering(document: &Json) -> Option<Vec<CandidateType>> {
    let policy = document.get("data").unwrap_or(document);
    let Some(listed) = policy.get("negotiation").and_then(|part| part.get("iceFiltering")) else {
        // A policy without a filter filters nothing; a reply of another shape is no policy.
        return matches!(policy, Json::Object(_)).then(Vec::new);
    };
    let kinds = listed.items()?.iter().filter_map(|kind| match kind.text()?.to_ascii_lowercase().as_str() {
        "host" => Some(CandidateType::Host),
        "srflx" => Some(CandidateType::Srflx),
        "prflx" => Some(CandidateType::Prflx),
        "relay" => Some(CandidateType::Relay),
        _ => None,
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    kinds.dedup();
    Some(kinds)
}

/// `errorDetailsCode` of an error reply, a number or a text.
pub(super) fn detail_code(document: &Json) -> Option<u64> {
    let code = document.get("errorDetailsCode").or_else(|| document.get("errorDetailCode"))?;
    match code {
        Json::Number(number) if (0.0..1e9).contains(number) => Some(*number as u64),
        Json::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// The platform's own words in an error reply: one short line of plain characters.
pub(super) fn words(document: &Json) -> Option<String> {
    let text =
        ["errorDetails", "errorMsg", "message"].into_iter().find_map(|key| document.get(key)?.text())?;
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    let text = text.trim().to_owned();
    if text.is_empty() { None } else { Some(text) }
}
