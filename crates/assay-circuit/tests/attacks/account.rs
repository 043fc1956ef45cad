//! Order and number of the accounts.

use assay_circuit::Val;
use p3_field::{Field, PrimeCharacteristicRing};

use super::{base, each};
use crate::forge::{Account, FIRST_LEAF, Forge, P, Place, leaf, v};

/// Two accounts with one key, and zero in every column of the subtraction.
fn same_key_twice() -> Forge {
    let mut again = Account::new(10, 5, &[(8, 2)]);
    again.salt[0] = v(6);
    let mut forge = Forge::honest(&[Account::new(10, 5, &[(8, 1)]), again]);
    forge.places[0] = Place::new(0, [10, 5]);
    forge
}

/// Two accounts with one key whose subtraction borrows up to digit `digit`, and is zero from there on.
fn borrows_below(digit: usize) -> Forge {
    let mut forge = same_key_twice();
    let place = &mut forge.places[0];
    for i in 0..digit {
        place.difference[i] = v(0x7fff);
        place.borrow[i] = v(1);
        if i == 1 {
            place.high[0] = v(1);
        }
    }
    forge
}

/// One key twice: each digit in turn loses the borrow.
pub(crate) fn borrow_lost(digit: usize) -> Vec<Forge> {
    vec![borrows_below(digit)]
}

/// Descending keys.
pub(crate) fn descending_keys() -> Vec<Forge> {
    let accounts = [Account::new(20, 1, &[]), Account::new(10, 5, &[])];
    let other = [Account::new(P - 1, P - 1, &[]), Account::new(0, 0, &[])];
    vec![Forge::honest(&accounts), Forge::honest(&other)]
}

/// One key twice: a difference of -1 in each digit.
pub(crate) fn negative_difference() -> Vec<Forge> {
    each(4, |digit| {
        let mut forge = borrows_below(digit);
        forge.places[0].difference[digit] = v(-1);
        forge
    })
}

/// One key twice, first as `k`, then as `k + p`, in the first or the second element, which is `small`.
fn key_plus_order(i: usize, small: u64) -> Forge {
    let mut key = [7, 7];
    key[i] = small;
    let account = Account::new(key[0], key[1], &[]);
    let mut again = account.clone();
    again.salt[0] = v(6);
    let mut forge = Forge::honest(&[account, again]);
    let mut alias = key;
    alias[i] += P;
    forge.order(&[key, alias]);
    forge
}

/// One key twice, the second time as number of 31 bits that isn't below `p`.
pub(crate) fn key_that_is_not_canonical() -> Vec<Forge> {
    each(2, |i| key_plus_order(i, 5))
}

/// The same with the flag for `p - 1` set, and this flag on a smaller key, which is harmless.
pub(crate) fn largest_flag_on_other_keys() -> Vec<Forge> {
    let mut forgeries = each(2, |i| {
        let mut forge = key_plus_order(i, 5);
        forge.places[1].key[i][3] = v(1);
        forge
    });
    forgeries.extend(each(2, |i| {
        let mut key = [1 << 30 | 3 << 15; 2];
        key[1 - i] = 7;
        let mut forge = Forge::honest(&[Account::new(key[0], key[1], &[])]);
        forge.places[0].key[i][3] = v(1);
        forge
    }));
    forgeries
}

/// The flag for `p - 1` without bit 30. It says nothing false about the key, so this is harmless.
pub(crate) fn largest_flag_without_high_bit() -> Vec<Forge> {
    each(2, |i| {
        let mut key = [7, 7];
        key[i] = ((1 << 15) - (1 << 9)) << 15;
        let mut forge = Forge::honest(&[Account::new(key[0], key[1], &[])]);
        forge.places[0].key[i][3] = v(1);
        forge
    })
}

/// One key twice, by means of flags that are no bits.
pub(crate) fn flags_that_are_no_bits() -> Vec<Forge> {
    // Bit 30 is 2: the number is 2^31 or more.
    let mut forgeries = each(2, |i| key_plus_order(i, (1 << 24) + 100));
    // The flag for p - 1 is 2; harmless, as the key is p - 1 all the same.
    forgeries.extend(each(2, |i| {
        let mut key = [7, 7];
        key[i] = P - 1;
        let mut forge = Forge::honest(&[Account::new(key[0], key[1], &[])]);
        forge.places[0].key[i][3] = v(2);
        forge
    }));
    // The high bit of a difference makes it -1.
    forgeries.extend([1, 3].map(|digit| {
        let mut forge = borrows_below(digit);
        forge.places[0].high[digit / 2] = -v(1 << 15).inverse();
        forge
    }));
    // A borrow of -(p - 1) / 2^15 or -(p - 1) / 2^16 is a difference of zero in this digit and adds to the next.
    forgeries.extend(each(3, |digit| {
        let mut forge = borrows_below(digit);
        let place = &mut forge.places[0];
        let borrow = (P - 1) >> if digit == 1 { 16 } else { 15 };
        place.borrow[digit] = -Val::from_u64(borrow);
        place.difference[digit + 1] = Val::from_u64(borrow & 0x7fff);
        if digit != 1 {
            place.high[digit / 2] = Val::from_u64(borrow >> 15);
        }
        forge
    }));
    forgeries
}

/// Rows without an account between two that hold one key.
pub(crate) fn gap_between_accounts() -> Vec<Forge> {
    let mut forge = same_key_twice();
    let second = forge.places.remove(1);
    forge.places.push(Place { index: v(1), ..Place::default() });
    forge.places.push(Place { index: v(2), ..second });
    let account = Account::new(10, 5, &[(8, 2)]);
    forge.leaves[1] = leaf(FIRST_LEAF + 2, &account.key, &account.salt, &account.blocks());
    forge.publish_accounts();
    forge.plant();
    vec![forge]
}

/// The numbering starts below the leaves: a tree that is a level short, and a wrong count.
pub(crate) fn numbering_that_starts_elsewhere() -> Vec<Forge> {
    let account = Account::new(10, 5, &[(8, 1)]);
    let mut forge = Forge::honest(std::slice::from_ref(&account));
    forge.leaves[0] = leaf(FIRST_LEAF / 2, &account.key, &account.salt, &account.blocks());
    forge.places[0].index = v(-FIRST_LEAF / 2);
    forge.publish_accounts();
    forge.plant();
    vec![forge]
}

/// Three accounts that count as two.
pub(crate) fn numbering_that_jumps() -> Vec<Forge> {
    let accounts = base();
    let mut forge = Forge::honest(&accounts);
    for (i, index) in [(1, 2), (2, 1)] {
        let account = &accounts[i];
        forge.leaves[i] = leaf(FIRST_LEAF + index, &account.key, &account.salt, &account.blocks());
        forge.places[i].index = v(index);
    }
    forge.publish_accounts();
    forge.plant();
    vec![forge]
}

/// Segments whose account table has padding, and has none.
fn with_and_without_padding() -> [Forge; 2] {
    let accounts: Vec<_> = (0..32).map(|i| Account::new(10 + i, 5, &[])).collect();
    [Forge::honest(&base()), Forge::honest(&accounts)]
}

/// Another public first key.
pub(crate) fn another_first_key() -> Vec<Forge> {
    each(2, |i| {
        let mut forge = Forge::honest(&base());
        forge.first[i] += v(1);
        forge
    })
}

/// Another public last key.
pub(crate) fn another_last_key() -> Vec<Forge> {
    each(4, |i| {
        let mut forge = with_and_without_padding()[i / 2].clone();
        forge.last[i % 2] += v(1);
        forge
    })
}

/// Another public number of accounts.
pub(crate) fn another_count() -> Vec<Forge> {
    each(2, |i| {
        let mut forge = with_and_without_padding()[i].clone();
        forge.count += v(1);
        forge
    })
}
