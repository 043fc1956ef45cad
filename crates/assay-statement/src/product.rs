use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{Kind, KindError};

/// Products that one asset table can define: every one takes at least one of the kinds 2 to 7.
pub const MAX_PRODUCTS: usize = 6;

/// A product that customers borrow under, such as margin trading: what is pledged for it, and what is owed under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// The kind of what is pledged for it.
    pub collateral: Kind,
    /// The kind of what is owed under it. Without one its debt is of kind debt, which all collateral together covers.
    pub debt: Option<Kind>,
}

/// Name of a product: 1 to 24 of `a-z 0-9 _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductName(String);

impl ProductName {
    /// Checks and takes `text`.
    pub fn new(text: &str) -> Result<Self, ProductError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=24).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(ProductError::Name)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The products of an asset table, in order of their collateral kinds, and the kinds that they define.
///
/// Equity and debt are always defined. A product `p` defines `collateral_p` and, if it has a debt kind of its own,
/// `debt_p`. No other kind has a meaning with this table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Products {
    products: Vec<Product>,
    /// Names by kind.
    names: [Option<String>; Kind::COUNT],
}

/// What a kind of entry is, by the products of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the custodian owes the customer.
    Equity,
    /// What the customer owes the custodian, under the product at this index or under none in particular.
    Debt {
        /// Index of the product.
        product: Option<usize>,
    },
    /// Equity pledged for the product at this index.
    Collateral {
        /// Index of the product.
        product: usize,
    },
}

impl Products {
    /// Sorts and checks `products`.
    pub fn new(mut products: Vec<Product>) -> Result<Self, ProductError> {
        if products.len() > MAX_PRODUCTS {
            return Err(ProductError::TooMany { products: products.len() });
        }
        products.sort_by_key(|product| product.collateral);
        let mut names: [Option<String>; Kind::COUNT] = Default::default();
        let fixed =
            [(Kind::EQUITY, "equity"), (Kind::DEBT, "debt")].map(|(kind, name)| (kind, name.to_string()));
        let collateral =
            products.iter().map(|product| (product.collateral, format!("collateral_{}", product.name)));
        let debt =
            products.iter().filter_map(|product| Some((product.debt?, format!("debt_{}", product.name))));
        for (kind, name) in fixed.into_iter().chain(collateral).chain(debt) {
            if names.iter().flatten().any(|known| *known == name) {
                return Err(ProductError::RepeatedName);
            }
            match names.get_mut(usize::from(kind.number())) {
                Some(slot @ None) => *slot = Some(name),
                _ => return Err(ProductError::RepeatedKind { kind: kind.number() }),
            }
        }
        Ok(Self { products, names })
    }

    /// The products in order of their collateral kinds.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Product> + '_ {
        self.products.iter()
    }

    /// The product at `index`.
    pub fn get(&self, index: usize) -> Option<&Product> {
        self.products.get(index)
    }

    /// Number of products.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether there is no product, so that no debt can be covered.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// The name of `kind` in ledgers, totals and receipts; none if nothing defines it.
    pub fn kind_name(&self, kind: Kind) -> Option<&str> {
        self.names.get(usize::from(kind.number()))?.as_deref()
    }

    /// The kind with this name.
    pub fn kind(&self, name: &str) -> Result<Kind, KindError> {
        self.kinds().find(|kind| self.kind_name(*kind) == Some(name)).ok_or(KindError)
    }

    /// Whether `kind` has a meaning.
    pub fn defines(&self, kind: Kind) -> bool {
        self.kind_name(kind).is_some()
    }

    /// The kinds that have a meaning, in order.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        Kind::numbers().filter(|kind| self.defines(*kind))
    }

    /// What `kind` is; none if nothing defines it.
    pub fn role(&self, kind: Kind) -> Option<Role> {
        match kind {
            Kind::EQUITY => Some(Role::Equity),
            Kind::DEBT => Some(Role::Debt { product: None }),
            _ => self.products.iter().enumerate().find_map(|(index, product)| {
                if product.collateral == kind {
                    Some(Role::Collateral { product: index })
                } else if product.debt == Some(kind) {
                    Some(Role::Debt { product: Some(index) })
                } else {
                    None
                }
            }),
        }
    }
}

/// Loan, margin and portfolio margin, with the collateral kinds 2, 3 and 4, and no debt kinds of their own.
impl Default for Products {
    fn default() -> Self {
        let name = |text: &str| ProductName(text.to_string());
        let product = |text: &str, collateral| Product { name: name(text), collateral, debt: None };
        let products = [
            product("loan", Kind::COLLATERAL_LOAN),
            product("margin", Kind::COLLATERAL_MARGIN),
            product("portfolio", Kind::COLLATERAL_PORTFOLIO),
        ];
        let names = ["equity", "debt", "collateral_loan", "collateral_margin", "collateral_portfolio"]
            .map(ToString::to_string);
        let mut names = names.into_iter();
        Self { products: products.into(), names: core::array::from_fn(|_| names.next()) }
    }
}

/// Why products don't fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    /// A text that is no name of a product.
    #[error("not a product: 1 to 24 of a-z 0-9 _")]
    Name,
    /// More than [`MAX_PRODUCTS`].
    #[error("{products} products, more than {MAX_PRODUCTS}")]
    TooMany {
        /// How many there are.
        products: usize,
    },
    /// A name twice.
    #[error("two products have one name")]
    RepeatedName,
    /// A kind twice, or one that is equity or debt.
    #[error("kind {kind} has two meanings")]
    RepeatedKind {
        /// Number of the kind.
        kind: u8,
    },
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn product(name: &str, collateral: u8, debt: Option<u8>) -> Product {
        let kind = |number| Kind::from_number(number).unwrap();
        Product { name: ProductName::new(name).unwrap(), collateral: kind(collateral), debt: debt.map(kind) }
    }

    #[test]
    fn products_define_kinds() {
        let products = Products::new(vec![product("b", 7, None), product("a", 5, Some(2))]).unwrap();
        let names: Vec<_> = Kind::numbers().map(|kind| products.kind_name(kind)).collect();
        let (a, b) = (Some("collateral_a"), Some("collateral_b"));
        assert_eq!(names, [Some("equity"), Some("debt"), Some("debt_a"), None, None, a, None, b]);
        assert_eq!(products.kind("debt_a").map(Kind::number), Ok(2));
        assert_eq!(products.kind("debt_b"), Err(KindError));
        let role = |number| products.role(Kind::from_number(number).unwrap());
        assert_eq!(role(2), Some(Role::Debt { product: Some(0) }));
        assert_eq!(role(7), Some(Role::Collateral { product: 1 }));
        assert_eq!(role(3), None);
    }

    #[test]
    fn the_default_is_one_that_could_be_given() {
        let given = vec![product("margin", 3, None), product("portfolio", 4, None), product("loan", 2, None)];
        assert_eq!(Products::new(given).unwrap(), Products::default());
        assert!(Products::default().kinds().eq(Kind::DEFAULT));
    }

    #[test]
    fn products_must_fit_together() {
        for (products, error) in [
            (vec![product("a", 1, None)], ProductError::RepeatedKind { kind: 1 }),
            (vec![product("a", 2, Some(0))], ProductError::RepeatedKind { kind: 0 }),
            (vec![product("a", 2, Some(2))], ProductError::RepeatedKind { kind: 2 }),
            (vec![product("a", 2, None), product("b", 3, Some(2))], ProductError::RepeatedKind { kind: 2 }),
            (vec![product("a", 2, None), product("a", 3, None)], ProductError::RepeatedName),
            (vec![product("a", 2, None); 7], ProductError::TooMany { products: 7 }),
        ] {
            assert_eq!(Products::new(products), Err(error));
        }
        for name in ["", "A", "a-b", "a b", "abcdefghijklmnopqrstuvwxy"] {
            assert_eq!(ProductName::new(name), Err(ProductError::Name), "{name}");
        }
    }
}
