use std::collections::BTreeMap;

use http::Method;

use crate::template::Route;

/// Routes, the most specific first: a full match wins over a greedy one, a method over `ANY`.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matched<'a> {
    pub(super) key: &'a str,
    pub(super) function: &'a str,
    /// Values of the path's variables.
    pub(super) variables: BTreeMap<&'a str, String>,
}

impl Routes {
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut routes = routes.to_vec();
        routes.sort_by_key(|route| (route.key.contains("+}"), route.key.contains('{'), route.key.starts_with("ANY ")));
        Self(routes)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Matched<'_>> {
        self.0.iter().find_map(|route| {
            let (wanted_method, pattern) = route.key.split_once(' ')?;
            if wanted_method != "ANY" && wanted_method != method.as_str() {
                return None;
            }
            let variables = variables(pattern, path)?;
            Some(Matched { key: &route.key, function: &route.function, variables })
        })
    }
}

fn variables<'a>(pattern: &'a str, path: &str) -> Option<BTreeMap<&'a str, String>> {
    let mut variables = BTreeMap::new();
    let mut rest = path.strip_prefix('/')?;
    let mut patterns = pattern.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = patterns.next() {
        if let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix("+}")) {
            variables.insert(name, rest.to_owned());
            return (!rest.is_empty()).then_some(variables);
        }
        let (here, after) = match rest.split_once('/') {
            Some((here, after)) => (here, Some(after)),
            None => (rest, None),
        };
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !here.is_empty() => drop(variables.insert(name, here.to_owned())),
            None if segment == here => {}
            _ => return None,
        }
        match (after, patterns.peek()) {
            (None, None) => return Some(variables),
            (Some(after), Some(_)) => rest = after,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn routes() -> Routes {
        let keys = ["ANY /", "ANY /{proxy+}", "GET /facebook/webhook", "POST /facebook/webhook", "GET /orders/{id}"];
        Routes::new(&keys.map(|key| Route { key: key.to_owned(), function: String::new() }))
    }

    #[rstest]
    #[case(Method::GET, "/", Some("ANY /"))]
    #[case(Method::POST, "/facebook/webhook", Some("POST /facebook/webhook"))]
    #[case(Method::PUT, "/facebook/webhook", Some("ANY /{proxy+}"))]
    #[case(Method::GET, "/facebook/webhook/", Some("ANY /{proxy+}"))]
    #[case(Method::GET, "/facebook", Some("ANY /{proxy+}"))]
    #[case(Method::GET, "/orders/7", Some("GET /orders/{id}"))]
    #[case(Method::GET, "/orders/7/steps", Some("ANY /{proxy+}"))]
    fn the_most_specific_route_wins(#[case] method: Method, #[case] path: &str, #[case] key: Option<&str>) {
        let routes = routes();
        assert_eq!(routes.find(&method, path).map(|matched| matched.key), key);
    }

    #[test]
    fn without_a_greedy_route_there_is_nothing_for_strangers() {
        let routes = Routes::new(&[Route { key: "GET /here".to_owned(), function: String::new() }]);
        assert_eq!(routes.find(&Method::GET, "/there"), None);
        assert_eq!(routes.find(&Method::POST, "/here"), None);
    }

    #[test]
    fn a_greedy_variable_takes_the_rest() {
        let routes = routes();
        let matched = routes.find(&Method::GET, "/api/bundles/a%20b").unwrap();
        assert_eq!(matched.variables, BTreeMap::from([("proxy", "api/bundles/a%20b".to_owned())]));
    }
}
