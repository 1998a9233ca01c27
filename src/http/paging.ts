/** The facts of one page of a list of `total` rows (contract 4.3): an empty list has one page. */
export function pageOf(total: number, { page, limit }: { page: number; limit: number }) {
  const totalPages = Math.max(1, Math.ceil(total / limit));
  return { total, page, limit, totalPages, hasMore: page < totalPages };
}
