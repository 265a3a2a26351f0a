use domain::Slug;

/// The id for something new: made from its title and, where that is taken, numbered from 2 on.
pub(crate) fn free_id(title: &str, fallback: &str, taken: &[&Slug]) -> Slug {
    let base = Slug::from_title(title, fallback);
    let numbered = (2_u32..).map(|number| {
        let suffix = format!("-{number}");
        let room = base.as_str().chars().take(40 - suffix.len()).collect::<String>();
        Slug::from_title(&format!("{room}{suffix}"), fallback)
    });
    let mut candidates = std::iter::once(base.clone()).chain(numbered);
    candidates.find(|id| !taken.contains(&id)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn taken_ids_are_numbered() {
        let slug = |text: &str| text.parse::<Slug>().unwrap();
        let (shop, second, third) = (slug("shop"), slug("shop-2"), slug("shop-3"));
        assert_eq!(free_id("Shop", "remonline", &[]), shop);
        assert_eq!(free_id("Shop", "remonline", &[&shop]), second);
        assert_eq!(free_id("Shop!", "remonline", &[&third, &shop, &second]).as_str(), "shop-4");
        assert_eq!(free_id("Ремонт", "remonline", &[&slug("remonline")]).as_str(), "remonline-2");
    }

    #[test]
    fn a_numbered_id_is_not_too_long() {
        let title = "a".repeat(60);
        let first = free_id(&title, "x", &[]);
        let second = free_id(&title, "x", &[&first]);
        assert_eq!((first.as_str().len(), second.as_str().len()), (40, 40));
        assert!(second.as_str().ends_with("a-2"));
    }
}
