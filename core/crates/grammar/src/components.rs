//! Strongly connected components: R. Tarjan, "Depth-first search and linear graph
//! algorithms", SIAM J. Comput. 1(2), 1972, with an explicit stack.

/// The components of a graph.
pub(crate) struct Components {
    /// The component of every node. If there is an edge from component `a` to another
    /// component `b`, then `a > b`.
    pub of: Vec<u32>,
    /// The nodes of every component, ascending.
    pub members: Vec<Box<[u32]>>,
}

const UNSEEN: u32 = u32::MAX;

/// `edge(node, i)`: the target of the `i`-th edge of `node`, `None` after the last.
pub(crate) fn components(nodes: usize, edge: impl Fn(u32, usize) -> Option<u32>) -> Components {
    let mut order = vec![UNSEEN; nodes];
    let mut low = vec![0u32; nodes];
    let mut of = vec![UNSEEN; nodes];
    let mut members = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, usize)> = Vec::new();
    let mut next = 0u32;
    for root in 0..nodes as u32 {
        if order[root as usize] != UNSEEN {
            continue;
        }
        path.push((root, 0));
        while let Some((node, position)) = path.last_mut() {
            let (n, i) = (*node as usize, *position);
            if i == 0 {
                order[n] = next;
                low[n] = next;
                next += 1;
                open.push(n as u32);
            }
            *position += 1;
            if let Some(target) = edge(n as u32, i) {
                let t = target as usize;
                if order[t] == UNSEEN {
                    path.push((target, 0));
                } else if of[t] == UNSEEN {
                    low[n] = low[n].min(order[t]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                let p = *parent as usize;
                low[p] = low[p].min(low[n]);
            }
            if low[n] == order[n] {
                let from = open.iter().rposition(|m| *m == n as u32).unwrap_or(0);
                let mut component = open.split_off(from);
                component.sort_unstable();
                for m in &component {
                    of[*m as usize] = members.len() as u32;
                }
                members.push(component.into_boxed_slice());
            }
        }
    }
    Components { of, members }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_chains() {
        let graph: [&[u32]; 6] = [&[1], &[2, 3], &[1], &[4], &[4], &[]];
        let found = components(6, |n, i| graph[n as usize].get(i).copied());
        assert_eq!(found.of[1], found.of[2]);
        assert_ne!(found.of[3], found.of[4]);
        for (node, targets) in graph.iter().enumerate() {
            for target in *targets {
                assert!(found.of[node] >= found.of[*target as usize]);
            }
        }
        assert_eq!(&*found.members[found.of[1] as usize], &[1, 2]);
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let n = 200_000;
        let found = components(n, |node, i| (i == 0 && node + 1 < n as u32).then_some(node + 1));
        assert_eq!(found.members.len(), n);
    }
}
