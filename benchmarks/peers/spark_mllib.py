"""Spark MLlib: `MinHashLSH` and its `approxSimilarityJoin`, on binary vectors of word shingles.

A table has one hash, and a pair that agrees in any table is compared: as many tables find 99 % of
the pairs at the threshold as its misses allow, three at 0.8. The join computes the exact Jaccard.
"""

from math import ceil, log

from pyspark.ml import Pipeline
from pyspark.ml.feature import HashingTF, MinHashLSH, NGram, RegexTokenizer
from pyspark.sql import functions as F  # noqa: N812

from benchmarks.peers.spark import documents, given_work, local_session, write_pairs

RECALL = 0.99
FEATURES = 1 << 24  # two shingles of a document are one feature with probability 1e-4 at the most


def main() -> None:
    """Find the pairs."""
    work = given_work()
    spark = local_session()
    steps = [
        RegexTokenizer(inputCol="text", outputCol="words", pattern=r"\w+", gaps=False),
        NGram(n=5, inputCol="words", outputCol="shingles"),
        HashingTF(numFeatures=FEATURES, binary=True, inputCol="shingles", outputCol="features"),
    ]
    texts = documents(spark, work).where("text IS NOT NULL")
    made = Pipeline(stages=steps).fit(texts).transform(texts)
    vectors = made.where(F.size("shingles") > 0).select("id", "features")
    tables = ceil(log(1 - RECALL) / log(1 - work.threshold))
    model = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=tables, seed=0).fit(
        vectors
    )
    # It takes distances strictly below.
    most = 1 - work.threshold + 1e-9
    joined = model.approxSimilarityJoin(vectors, vectors, most, "distance")
    sides = joined.select(
        F.col("datasetA.id").alias("left_id"), F.col("datasetB.id").alias("right_id")
    )
    write_pairs(sides.where("left_id < right_id"), work)


if __name__ == "__main__":
    main()
