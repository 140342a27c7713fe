/** What one unit costs, and who says so. `unitPrice` is an exact decimal. */
export interface Price {
  readonly unitPrice: string;
  readonly currency: string;
  readonly source: string;
}
