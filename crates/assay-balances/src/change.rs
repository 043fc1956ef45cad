//! Changes of JSON documents, for property tests of whatever reads them. Tests of other crates have this file too.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Some change at some place of a document.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    path: Vec<Index>,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    /// Something else stands there.
    Replace(Value),
    /// A character of a text is another, or a text ends earlier.
    Text(Index, Option<char>),
    /// A member or an element is gone, or there twice.
    Remove(Index),
    Double(Index),
}

impl Change {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let how = prop_oneof![
            odd().prop_map(How::Replace),
            (any::<Index>(), prop::option::of(prop_oneof!["[0-9a-fx]", "\\PC"]))
                .prop_map(|(at, text)| { How::Text(at, text.and_then(|text| text.chars().next())) }),
            any::<Index>().prop_map(How::Remove),
            any::<Index>().prop_map(How::Double),
        ];
        (prop::collection::vec(any::<Index>(), 0..7), how).prop_map(|(path, how)| Self { path, how })
    }

    pub(crate) fn apply(&self, mut value: Value) -> Value {
        self.apply_below(&mut value, &self.path);
        value
    }

    fn apply_below(&self, place: &mut Value, path: &[Index]) {
        match (path, &mut *place) {
            ([index, path @ ..], Value::Array(items)) if !items.is_empty() => {
                let at = index.index(items.len());
                self.apply_below(&mut items[at], path);
            }
            ([index, path @ ..], Value::Object(members)) if !members.is_empty() => {
                let at = index.index(members.len());
                self.apply_below(members.values_mut().nth(at).unwrap(), path);
            }
            _ => self.apply_here(place),
        }
    }

    fn apply_here(&self, place: &mut Value) {
        match (&self.how, place) {
            (How::Replace(other), place) => *place = other.clone(),
            (How::Text(at, new), Value::String(text)) if !text.is_empty() => {
                let mut chars: Vec<char> = text.chars().collect();
                let at = at.index(chars.len());
                match new {
                    Some(new) => chars[at] = *new,
                    None => chars.truncate(at),
                }
                *text = chars.into_iter().collect();
            }
            (How::Remove(at), Value::Array(items)) if !items.is_empty() => {
                items.remove(at.index(items.len()));
            }
            (How::Double(at), Value::Array(items)) if !items.is_empty() => {
                items.push(items[at.index(items.len())].clone());
            }
            (How::Remove(at), Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(at.index(members.len())).unwrap().clone();
                members.remove(&name);
            }
            (How::Double(at), Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(at.index(members.len())).unwrap().clone() + "2";
                members.insert(name, Value::Null);
            }
            _ => {}
        }
    }
}

/// Values that readers must survive.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "0x[0-9a-f]{0,140}".prop_map(Value::from),
        "[0-9a-f]{0,140}".prop_map(Value::from),
        "[0-9]{1,60}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[[{"a": [null]}]]])),
    ]
}
