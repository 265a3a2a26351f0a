use jiff::Timestamp;

use super::tokens::{Holder, Token};
use super::{App, Form, Meta, Question};

/// Page that [`Meta::demo`] makes.
pub const DEMO_PAGE: &str = "110000000000001";

/// Form that [`Meta::demo`] makes.
pub const DEMO_FORM: &str = "700000000000001";

/// A token of [`DEMO_PAGE`] that lives on.
pub const DEMO_PAGE_TOKEN: &str = "EAAGdemo110000000000001";

/// Name of the app.
pub(super) const APP_NAME: &str = "RemOnline Leads";

/// The person who runs the pages.
pub(super) const USER_ID: &str = "130000000000001";

/// The business that owns the pages.
pub(super) const BUSINESS_ID: &str = "150000000000001";

impl Meta {
    /// The page of a repair shop with one form and no lead. The app is neither subscribed nor installed yet.
    pub fn demo(app: App, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let meta = Self::new(app, now);
        meta.add_page(DEMO_PAGE, "Ремонт Плюс");
        meta.add_form(DEMO_PAGE, repair_form());
        let mut state = meta.state();
        let token = Token::new(Holder::Page(DEMO_PAGE.to_owned()), state.now(), None);
        state.tokens.insert(DEMO_PAGE_TOKEN.to_owned(), token);
        drop(state);
        meta
    }
}

fn repair_form() -> Form {
    let broken = [("screen", "Екран"), ("battery", "Акумулятор"), ("other", "Інше")];
    let questions = [
        Question::new("FULL_NAME", "full_name", "Повне ім'я"),
        Question::new("PHONE", "phone_number", "Номер телефону"),
        Question::new("EMAIL", "email", "Електронна пошта"),
        Question::choice("what_is_broken?", "Що зламалося?", broken),
        Question::new("CITY", "city", "Місто"),
    ];
    Form::new("Ремонт телефону", questions).id(DEMO_FORM).tracking("utm_source", "facebook")
}
