// SPDX-License-Identifier: GPL-2.0-only
/* Levels that hang nowhere yet, see prepared.hpp. */
#include "prepared.hpp"

namespace tce {

PreparedLeaves::~PreparedLeaves()
{
	while (Leaf *leaf = pop())
		discard(leaf);
	for (Queue<Node> &queue : nodes_) {
		while (Node *node = queue.head) {
			queue.head = node->next;
			discard(node);
		}
	}
}

Leaf *PreparedLeaves::pop()
{
	Leaf *leaf = leaves_.head;

	if (leaf)
		leaves_.head = leaf->next_prepared_;
	return leaf;
}

Node *PreparedLeaves::pop_node(unsigned int height, TceIndex first)
{
	Queue<Node> &queue = nodes_[at(height)];

	while (Node *node = queue.head) {
		if (first < node->first)
			break;
		queue.head = node->next;
		if (node->first == first)
			return node;
		discard(node);
	}
	return nullptr;
}

Status PreparedLeaves::add(TceIndex first, u64 entries, usize page_bytes, int numa)
{
	const TableCost cost = { entries * sizeof(Be64), 0 };

	TCE_TRY(charge_.grow(cost));

	Leaf *leaf = Leaf::make(first, entries, page_bytes, numa);

	if (!leaf) {
		charge_.shrink(cost);
		return Errc::NoMem;
	}

	(leaves_.head ? leaves_.tail->next_prepared_ : leaves_.head) = leaf;
	leaves_.tail = leaf;
	return {};
}

Status PreparedLeaves::add_node(unsigned int height, TceIndex first, u64 entries, usize page_bytes,
				int numa)
{
	const TableCost cost = { 0, max<u64>(entries * sizeof(Be64), page_bytes) };

	TCE_TRY(charge_.grow(cost));

	Node *node = make_node(first, entries, page_bytes, numa);

	if (!node) {
		charge_.shrink(cost);
		return Errc::NoMem;
	}
	node->charged = cost.nodes;

	Queue<Node> &queue = nodes_[at(height)];

	(queue.head ? queue.tail->next : queue.head) = node;
	queue.tail = node;
	return {};
}

Node *PreparedLeaves::make_node(TceIndex first, u64 entries, usize page_bytes, int numa)
{
	const usize bytes = entries * sizeof(Node::Slot);
	auto *node = static_cast<Node *>(tce_port_alloc(sizeof(Node) + bytes));

	if (!node)
		return nullptr;
	node->first = first;
	if (page_bytes) {
		node->page = HwPage::make(page_bytes, numa);
		if (!node->page.entries) {
			tce_port_free(node);
			return nullptr;
		}
		Watch::on_alloc(node->page.entries, page_bytes);
	}
	Watch::on_alloc(node->slots(), bytes);
	return node;
}

void PreparedLeaves::free_node(Node *node)
{
	Watch::on_free(node->slots());
	if (node->page.entries)
		Watch::on_free(node->page.entries);
	node->page.free();
	tce_port_free(node);
}

void PreparedLeaves::discard(Leaf *leaf)
{
	steps_.go(1);
	charge_.shrink({ leaf->entries() * sizeof(Be64), 0 });
	destroy_object(leaf);
}

void PreparedLeaves::discard(Node *node)
{
	steps_.go(1);
	charge_.shrink({ 0, node->charged });
	free_node(node);
}

} /* namespace tce */
