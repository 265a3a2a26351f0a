use simulators::meta::NewLead;

use crate::clock::now;

/// People who are in the demo company already, with their phones as they typed them this time.
const KNOWN: [(&str, &str); 3] =
    [("Іван Петренко", "+38 050 111 22 33"), ("Марія Шевченко", "067-111-22-33"), ("Андрій", "38 (063) 1112233")];

/// People whom nobody has seen before.
const NEW: [&str; 4] = ["Олена Коваль", "Тарас Бондаренко", "Софія Лисенко", "Дмитро Мельник"];

const BROKEN: [&str; 3] = ["screen", "battery", "other"];

/// One lead of the demo.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DemoLead {
    /// Meta's id.
    pub(super) id: String,
    /// Who that is, for the report.
    pub(super) who: String,
    answers: [(&'static str, String); 5],
}

impl DemoLead {
    pub(super) fn new_lead(&self) -> NewLead {
        NewLead::new(self.answers.iter().map(|(question, answer)| (*question, answer.as_str()))).id(&self.id)
    }
}

/// Leads that differ from those of every earlier run on the same data: by turns a new person, the same one again,
/// and one whom RemOnline knows.
pub(super) fn of_this_run(count: u32) -> Vec<DemoLead> {
    let run = now().as_millisecond();
    (0..count).map(|number| lead(run, number)).collect()
}

fn lead(run: i64, number: u32) -> DemoLead {
    let round = (number / 3) as usize;
    // Nobody else's number begins like this.
    let own_phone = format!("+380501{:06}", (run / 1000 + round as i64) % 1_000_000);
    let (who, name, phone, email, city) = match number % 3 {
        0 => ("a new person", NEW[round % NEW.len()], own_phone, format!("new{run}-{round}@example.com"), "Київ"),
        1 => (
            "the same person again, the phone in another spelling",
            NEW[round % NEW.len()],
            own_phone.trim_start_matches("+38").to_owned(),
            format!("new{run}-{round}@example.com"),
            "Львів",
        ),
        _ => {
            let (name, phone) = KNOWN[round % KNOWN.len()];
            (
                "a person whom RemOnline knows, by a phone in another spelling",
                name,
                phone.to_owned(),
                String::new(),
                "Одеса",
            )
        }
    };
    DemoLead {
        id: format!("8{run}{number:02}"),
        who: who.to_owned(),
        answers: [
            ("full_name", name.to_owned()),
            ("phone_number", phone),
            ("email", email),
            ("what_is_broken?", BROKEN[number as usize % BROKEN.len()].to_owned()),
            ("city", city.to_owned()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<'a>(lead: &'a DemoLead, question: &str) -> &'a str {
        &lead.answers.iter().find(|(name, _)| *name == question).unwrap().1
    }

    #[test]
    fn the_second_lead_is_of_the_first_person() {
        let [first, second] = [0, 1].map(|number| lead(1_795_000_000_000, number));
        assert_ne!(first.id, second.id);
        assert_eq!(answer(&first, "phone_number"), format!("+38{}", answer(&second, "phone_number")));
        assert_ne!(answer(&first, "what_is_broken?"), answer(&second, "what_is_broken?"));
    }

    #[test]
    fn rounds_and_runs_differ() {
        let phones: Vec<_> = [(1_795_000_000_000, 0), (1_795_000_000_000, 3), (1_795_000_009_000, 0)]
            .map(|(run, number)| answer(&lead(run, number), "phone_number").to_owned())
            .into();
        assert!(phones[0] != phones[1] && phones[0] != phones[2] && phones[1] != phones[2], "{phones:?}");
    }
}
