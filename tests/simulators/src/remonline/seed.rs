use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Reference, RemOnline};

/// API key of the company that [`RemOnline::demo`] makes.
pub const DEMO_API_KEY: &str = "demo-api-key";

impl RemOnline {
    /// A small repair shop with [`DEMO_API_KEY`], three people whose phones are written in three ways, two
    /// organizations and no order. They were made thirty days before `now`.
    pub fn demo(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let opened = now().saturating_sub(SignedDuration::from_hours(30 * 24)).unwrap_or(Timestamp::UNIX_EPOCH);
        let remonline = Self::new(now);
        remonline.add_key(DEMO_API_KEY);
        remonline.update_reference(|reference| *reference = repair_shop());
        for (first_name, last_name, email, phone) in [
            ("Ivan", "Petrenko", "ivan@example.com", "0501112233"),
            ("Марія", "Шевченко", "", "380671112233"),
            ("Андрій", "", "andrii@example.com", "(063) 111-22-33"),
        ] {
            remonline.insert_person(json!({
                "first_name": first_name, "last_name": last_name, "email": email, "phones": phones(phone),
                "created_at": opened,
            }));
        }
        for (name, phone) in [("ТОВ Приклад", "+380441112233"), ("ФОП Зразок", "0441112234")] {
            remonline.insert_organization(json!({ "name": name, "phones": phones(phone), "created_at": opened }));
        }
        remonline
    }
}

fn phones(phone: &str) -> Value {
    json!([{ "title": "", "phone": phone, "notify": false, "has_viber": false, "has_whatsapp": false }])
}

fn repair_shop() -> Reference {
    let made = "2024-01-15T08:00:00Z";
    Reference {
        company: json!({
            "name": "Ремонт Плюс", "email": "shop@example.com", "address": "Київ, вул. Прикладна, 1",
            "country": "UA", "currency": "UAH", "currency_symbol": "₴", "timezone": "Europe/Kyiv", "logo": null,
            "created_at": made,
        }),
        locations: [(15001, "Головна майстерня", false), (15002, "Старий склад", true)]
            .map(|(id, name, is_archived)| {
                json!({ "id": id, "name": name, "address": "Київ", "timezone": "Europe/Kyiv",
                    "is_archived": is_archived, "legal_entity_id": 1, "created_at": made })
            })
            .to_vec(),
        resources: vec![json!({ "id": 16001, "name": "Стіл 1", "location_id": 15001 })],
        employees: [(9001, "Олег", "Майстренко"), (9002, "Ірина", "Приймак")]
            .map(|(id, first_name, last_name)| {
                json!({ "id": id, "first_name": first_name, "last_name": last_name, "login": format!("user{id}"),
                    "email": format!("user{id}@example.com"), "phone": "", "position": "", "is_active": true,
                    "avatar": null, "notes": "", "hire_date": null, "created_at": made })
            })
            .to_vec(),
        order_types: vec![json!({ "id": 21001, "title": "Repair" }), json!({ "id": 21002, "title": "Diagnostics" })],
        statuses: statuses(),
        campaigns: vec![
            json!({ "id": 777, "name": "Facebook", "branch_ids": [], "start_at": 1_772_323_200_000_i64, "finish_at": null }),
        ],
        assets: Vec::new(),
        person_fields: vec![
            json!({ "id": 5001, "title": "Source", "type": 1 }),
            json!({ "id": 5002, "title": "Favourite branch", "type": 1 }),
        ],
        organization_fields: Vec::new(),
        order_fields: vec![json!({ "id": 6001, "title": "Facebook lead", "type": 1 })],
    }
}

fn statuses() -> Vec<Value> {
    let statuses = [
        (11, "New", 1, "New"),
        (12, "Lead", 1, "New"),
        (13, "In progress", 2, "In progress"),
        (14, "Waiting for parts", 3, "Deferred"),
        (15, "Ready", 4, "Done"),
        (16, "On its way", 5, "Delivery"),
        (17, "Closed", 6, "Closed successfully"),
        (18, "Refused", 7, "Closed unsuccessfully"),
    ];
    let row = |(id, name, group, group_name)| json!({ "id": id, "name": name, "color": "#2196f3", "group": { "type": group, "name": group_name } });
    statuses.map(row).to_vec()
}
