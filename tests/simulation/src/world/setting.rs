//! Who is there when a run begins.

use std::{ops::Range, time::Duration};

use simulators::meta::{Form, Meta, Question};

/// The connections of the two companies of the seeds; their accounts have the same names.
pub const COMPANIES: [&str; 2] = ["shop-a", "shop-b"];

/// The forms of the page of the seeds.
pub const FORMS: [&str; 3] = ["700000000000001", "700000000000002", "700000000000003"];

/// Invocations of the processor side by side, in the seeds.
const AT_ONCE: usize = 3;

/// How long a request travels, and its answer: where much is to happen in little time, and where time is measured.
const NEAR: Duration = Duration::from_millis(60);
const FAR: Duration = Duration::from_millis(125);

/// Who is there when a run begins.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The connections of the companies at RemOnline; their accounts have the same names.
    pub companies: Vec<String>,
    /// The pages at Meta.
    pub pages: Vec<Page>,
    /// Invocations of the processor side by side.
    pub at_once: usize,
    /// How long a request to RemOnline or Meta travels, and its answer.
    pub one_way: Duration,
}

/// A page at Meta.
#[derive(Debug, Clone)]
pub struct Page {
    /// The name of its connection.
    pub connection: String,
    /// Its id.
    pub id: String,
    /// The ids of its forms.
    pub forms: Vec<String>,
}

impl Setting {
    /// Two companies and a page, whose forms bundles share out between them.
    pub fn of_a_seed() -> Self {
        let forms = FORMS.map(str::to_owned).to_vec();
        let page = Page { connection: "page".to_owned(), id: "110000000000007".to_owned(), forms };
        Self { companies: COMPANIES.map(str::to_owned).to_vec(), pages: vec![page], at_once: AT_ONCE, one_way: NEAR }
    }

    /// Accounts that have nothing in common: a company, a page and a form each, the same number of each belonging together.
    pub fn of_accounts(accounts: usize, at_once: usize) -> Self {
        let numbers: Range<usize> = 0..accounts;
        let companies = numbers.clone().map(|number| format!("shop-{number}")).collect();
        let page = |number| Page {
            connection: format!("page-{number}"),
            id: format!("11{number:013}"),
            forms: vec![format!("70{number:013}")],
        };
        Self { companies, pages: numbers.map(page).collect(), at_once, one_way: FAR }
    }
}

impl Page {
    /// Meta has the page and its forms. Gives its token.
    pub(super) fn open(&self, meta: &Meta) -> String {
        let token = meta.add_page(&self.id, "Ремонт Плюс");
        for form in &self.forms {
            meta.add_form(&self.id, Form::new("Ремонт", questions()).id(form));
        }
        token
    }
}

fn questions() -> [Question; 4] {
    [
        Question::new("FULL_NAME", "full_name", "Повне ім'я"),
        Question::new("PHONE", "phone_number", "Номер телефону"),
        Question::new("EMAIL", "email", "Електронна пошта"),
        Question::new("CUSTOM", "what_is_broken?", "Що зламалося?"),
    ]
}
