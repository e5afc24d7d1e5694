//! The dynamic scope, as far as `$dynamicRef` and `$recursiveRef` can see it: for each
//! dynamic anchor, the outermost resource entered so far that has it.

use rustc_hash::FxHashMap;

use crate::resources::{Resource, ResourceId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScopeId(u32);

impl ScopeId {
    pub(super) const EMPTY: ScopeId = ScopeId(0);
}

/// The name under which `$recursiveAnchor` is filed; no anchor is spelled so.
pub(super) const RECURSIVE: &str = "#";

type Scope = Vec<(String, ResourceId)>;

pub(super) struct Scopes {
    all: Vec<Scope>,
    ids: FxHashMap<Scope, ScopeId>,
}

impl Default for Scopes {
    fn default() -> Self {
        let mut ids = FxHashMap::default();
        ids.insert(Vec::new(), ScopeId::EMPTY);
        Scopes { all: vec![Vec::new()], ids }
    }
}

impl Scopes {
    /// The scope after a schema of `resource` is entered.
    pub(super) fn enter(
        &mut self,
        scope: ScopeId,
        id: ResourceId,
        resource: &Resource<'_>,
    ) -> ScopeId {
        let names = resource
            .dynamic_anchors
            .keys()
            .map(String::as_str)
            .chain(resource.recursive_anchor.then_some(RECURSIVE));
        let known = &self.all[scope.0 as usize];
        let fresh: Vec<&str> =
            names.filter(|name| known.iter().all(|(other, _)| other != name)).collect();
        if fresh.is_empty() {
            return scope;
        }
        let mut next = known.clone();
        next.extend(fresh.into_iter().map(|name| (name.to_owned(), id)));
        next.sort();
        next.dedup_by(|a, b| a.0 == b.0);
        if let Some(id) = self.ids.get(&next) {
            return *id;
        }
        let id = ScopeId(self.all.len() as u32);
        self.ids.insert(next.clone(), id);
        self.all.push(next);
        id
    }

    /// The outermost resource with the dynamic anchor `name`.
    pub(super) fn find(&self, scope: ScopeId, name: &str) -> Option<ResourceId> {
        let scope = &self.all[scope.0 as usize];
        scope.iter().find(|(other, _)| other == name).map(|(_, id)| *id)
    }
}
