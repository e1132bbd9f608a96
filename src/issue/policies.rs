//! The site's policies while the daemon serves. A reload of the configuration puts others in their place.
//!
//! Its one rule: who has taken a policy keeps it as it was, whatever is put in its place meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Policy;

/// Policies by name. Cheap to clone; all clones are the same policies.
#[derive(Debug, Clone, Default)]
pub struct Policies(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    all: RwLock<BTreeMap<String, Arc<Policy>>>,
    outdated: AtomicBool,
}

impl Policies {
    /// These policies.
    #[must_use]
    pub fn new(policies: BTreeMap<String, Policy>) -> Self {
        let all = Self::default();
        all.replace(policies);
        all
    }

    /// Puts these in the place of all that there were, at once.
    pub fn replace(&self, policies: BTreeMap<String, Policy>) {
        let policies = policies.into_iter().map(|(name, policy)| (name, Arc::new(policy))).collect();
        *self.0.all.write().unwrap_or_else(PoisonError::into_inner) = policies;
        self.0.outdated.store(false, Ordering::Relaxed);
    }

    /// There is a newer configuration, which could not be taken on; until these are replaced.
    pub fn outdate(&self) {
        self.0.outdated.store(true, Ordering::Relaxed);
    }

    /// Whether there is a newer configuration, which could not be taken on.
    #[must_use]
    pub fn are_outdated(&self) -> bool {
        self.0.outdated.load(Ordering::Relaxed)
    }

    /// The policy of this name, as it is now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Policy>> {
        self.0.all.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The names of all that there are now, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.all.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_was_taken_stays_as_it_was() {
        let named = |brand: &str| Policy { brand: brand.to_owned(), ..Policy::default() };
        let policies = Policies::new(BTreeMap::from([("default".to_owned(), named("old"))]));
        let taken = policies.get("default").unwrap();
        policies.clone().outdate();
        assert!(policies.are_outdated());
        policies
            .clone()
            .replace(BTreeMap::from([("default".to_owned(), named("new")), ("staff".to_owned(), named("staff"))]));
        assert!(!policies.are_outdated());
        assert_eq!(taken.brand, "old");
        assert_eq!(policies.get("default").unwrap().brand, "new");
        assert_eq!(policies.names(), ["default", "staff"]);
        assert!(policies.get("other").is_none());
    }
}
