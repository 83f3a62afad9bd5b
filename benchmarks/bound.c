/* How fast a row of a growing-when-required network can be learnt: the bound of memory.py.
 *
 * Distances to all neurons, best and second, the move of the best and of its neighbours (equation 8
 * with its novelty), habituation. Edges are given and fixed; nothing else is kept. Neurons lie in
 * blocks of 32, feature by feature; places beyond the last must lie far away. (With 16 lanes gcc's
 * inner loop takes ten times as long.)
 */

#include <math.h>

enum { LANES = 32 };

typedef struct {
    double rate_bmu, rate_neighbour, tau_bmu, tau_neighbour, kappa, scale;
} Law;

static float measure(const float *block, const float *x, long width, float *squares)
{
    float sums[LANES] = {0};
    for (long feature = 0; feature < width; feature++)
        for (int lane = 0; lane < LANES; lane++) {
            float apart = x[feature] - block[feature * LANES + lane];
            sums[lane] += apart * apart;
        }
    float least = sums[0];
    for (int lane = 0; lane < LANES; lane++) {
        squares[lane] = sums[lane];
        least = sums[lane] < least ? sums[lane] : least;
    }
    return least;
}

static void move(float *weights, long index, const float *x, long width, float rate)
{
    float *weight = weights + index / LANES * width * LANES + index % LANES;
    for (long feature = 0; feature < width; feature++)
        weight[feature * LANES] += rate * (x[feature] - weight[feature * LANES]);
}

static void habituate(double *h, double tau, double kappa)
{
    double fallen = *h + tau * (kappa * (1.0 - *h) - 1.0);
    fallen = fallen < 0.0 ? 0.0 : fallen;
    *h = fallen < *h ? fallen : *h;
}

/* Learn the rows; how many neighbours moved comes back. The second best never is the best; asking for
 * it keeps the compiler from leaving it out. */
long learn(float *weights, double *h, const int *degree, const int *neighbours, long slots,
           long neurons, long width, const float *codes, long rows, const Law *law)
{
    long blocks = (neurons + LANES - 1) / LANES, moved = 0;
    for (long row = 0; row < rows; row++) {
        const float *x = codes + row * width;
        long best = 0, second = 0;
        float least = INFINITY, next = INFINITY, squares[LANES];
        for (long block = 0; block < blocks; block++) {
            if (measure(weights + block * width * LANES, x, width, squares) >= next)
                continue;
            for (int lane = 0; lane < LANES; lane++) {
                if (squares[lane] < least) {
                    second = best, next = least;
                    best = block * LANES + lane, least = squares[lane];
                } else if (squares[lane] < next)
                    second = block * LANES + lane, next = squares[lane];
            }
        }
        double novelty = 1.0 - exp(-sqrt(least) / law->scale);
        move(weights, best, x, width, law->rate_bmu * h[best] * novelty);
        habituate(h + best, law->tau_bmu, law->kappa);
        for (int slot = 0; slot < degree[best]; slot++) {
            long other = neighbours[best * slots + slot];
            move(weights, other, x, width, law->rate_neighbour * h[other] * novelty);
            habituate(h + other, law->tau_neighbour, law->kappa);
        }
        moved += degree[best] + (second == best);
    }
    return moved;
}
