//! A row of every type that JSON carries.

use dotmac_database::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood")]
pub enum Mood {
    #[sea_orm(string_value = "good")]
    Good,
    #[sea_orm(string_value = "bad")]
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i32", db_type = "Integer")]
pub enum Level {
    #[sea_orm(num_value = 1)]
    Low,
    #[sea_orm(num_value = 9)]
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "Enum", db_type = "Enum", enum_name = "color")]
pub enum Color {
    #[sea_orm(string_value = "red")]
    Red,
    #[sea_orm(string_value = "blue")]
    Blue,
}

#[derive(Clone, Debug, PartialEq, DeriveValueType)]
pub struct Email(pub String);

#[dotmac_database::model]
#[derive(
    Clone,
    Debug,
    PartialEq,
    DeriveEntityModel,
    BaseModel,
    SoftDelete,
    Audited,
    TenantAware,
    Versioned,
)]
#[sea_orm(table_name = "samples")]
pub struct Model {
    pub yes: bool,
    pub small: i16,
    pub int: Option<i32>,
    pub big: i64,
    pub single: f32,
    pub double: f64,
    pub text: String,
    pub letter: Option<String>,
    pub reference: Option<Uuid>,
    pub day: Date,
    pub clock: Time,
    pub local: DateTime,
    pub instant: DateTimeUtc,
    pub with_offset: Option<DateTimeWithTimeZone>,
    pub price: Decimal,
    pub document: Json,
    pub bytes: Vec<u8>,
    pub texts: Vec<String>,
    pub numbers: Option<Vec<i32>>,
    pub mood: Option<Mood>,
    pub moods: Vec<Mood>,
    pub color: Option<Color>,
    pub colors: Vec<Color>,
    pub level: Level,
    pub levels: Vec<Level>,
    pub email: Email,
}

/// A row that has nothing yet.
pub fn start() -> Model {
    Model {
        id: Uuid::from_u128(7),
        tenant_id: "acme".into(),
        yes: false,
        small: 0,
        int: None,
        big: 0,
        single: 0.0,
        double: 0.0,
        text: String::new(),
        letter: None,
        reference: None,
        day: Date::default(),
        clock: Time::default(),
        local: Default::default(),
        instant: DateTimeUtc::default(),
        with_offset: None,
        price: Decimal::ZERO,
        document: Json::Object(Default::default()),
        bytes: Vec::new(),
        texts: Vec::new(),
        numbers: None,
        mood: None,
        moods: Vec::new(),
        color: None,
        colors: Vec::new(),
        level: Level::Low,
        levels: Vec::new(),
        email: Email(String::new()),
        created_at: DateTimeUtc::default(),
        updated_at: DateTimeUtc::default(),
        deleted_at: None,
        deleted_by: None,
        deletion_id: None,
        is_active: true,
        created_by: Some("ada".into()),
        updated_by: None,
        request_id: None,
        version: 3,
    }
}
