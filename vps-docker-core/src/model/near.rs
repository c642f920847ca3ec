/// The end of an error about an unknown name: what was probably meant, else what there is.
/// Begins with `; `; empty when nothing is known.
#[must_use]
pub fn near_matches(name: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let mut near: Vec<(&str, f64)> = known
        .iter()
        .map(|other| (*other, strsim::jaro_winkler(name, other)))
        .filter(|(_, likeness)| *likeness > 0.75)
        .collect();
    near.sort_by(|a, b| b.1.total_cmp(&a.1));
    if near.is_empty() {
        let mut listed: Vec<&str> = known.iter().take(20).copied().collect();
        if known.len() > listed.len() {
            listed.push("…");
        }
        return format!("; known are {}", listed.join(", "));
    }
    let names: Vec<&str> = near.iter().take(5).map(|(name, _)| *name).collect();
    format!("; did you mean {}?", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::near_matches;

    #[test]
    fn near_names_come_first_else_all() {
        let known = ["small", "medium", "large"];
        assert_eq!(near_matches("smal", &known), "; did you mean small?");
        assert_eq!(
            near_matches("xyz", &known),
            "; known are small, medium, large"
        );
        assert_eq!(near_matches("xyz", &[]), "");
    }
}
