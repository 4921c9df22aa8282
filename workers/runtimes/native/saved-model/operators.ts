/**
 * The operators of TensorFlow that a SavedModel may use: what computes an answer from its inputs and from variables, and no
 * more. Missing on purpose: whatever opens files or sockets, runs Python, draws random numbers, writes variables, keeps state
 * from batch to batch, or loads code. A test holds each name against TensorFlow's own list.
 */
// cspell:ignore Bitcast Bucketize IFFT IRFFT RFFT Xlogy Xlog Xdivy Igamma Igammac Lgamma Betainc Zeta Polygamma Digamma Ndtri Erfinv Rint Einsum Bessel
const names = `
  Abs Acos Acosh Add AddN AddV2 All Angle Any ApproximateEqual ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D
  BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpace BatchToSpaceND Betainc BiasAdd BiasAddV1 Bincount Bitcast BitwiseAnd
  BitwiseOr BitwiseXor BroadcastArgs BroadcastTo Bucketize Cast Ceil CheckNumerics Cholesky ClipByValue Complex ComplexAbs Concat
  ConcatOffset ConcatV2 Conj ConjugateTranspose Const Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cos Cosh
  CropAndResize Cross Cumprod Cumsum CumulativeLogsumexp DenseBincount DepthToSpace DepthwiseConv2dNative
  DepthwiseConv2dNativeBackpropInput Dequantize Diag DiagPart Digamma Dilation2D Div DivNoNan DynamicPartition
  DynamicStitch Einsum Elu Empty EnsureShape Equal Erf Erfc Erfinv EuclideanNorm Exp ExpandDims Expm1 ExtractImagePatches FFT
  FFT2D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod
  FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D Gather GatherNd GatherV2 Greater GreaterEqual HSVToRGB IFFT
  IRFFT ImageProjectiveTransformV3 Identity IdentityN Igamma Igammac Imag InTopK InTopKV2 Inv InvertPermutation IsFinite IsInf IsNan L2Loss LRN LeakyRelu
  LeftShift Less LessEqual Lgamma LinSpace ListDiff Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr LowerBound MatMul
  MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3
  MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve MatrixTriangularSolve Max MaxPool MaxPool3D MaxPoolV2
  MaxPoolWithArgmax Maximum Mean Merge Min Minimum MirrorPad Mod Mul MulNoNan Ndtri Neg NextAfter NoOp NonMaxSuppression
  NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot OnesLike Pack Pad PadV2
  ParallelConcat ParallelDynamicStitch PlaceholderWithDefault Polygamma Pow PreventGradient Prod
  QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 RFFT RFFT2D RGBToHSV
  RaggedGather RaggedRange RaggedTensorToSparse RaggedTensorToTensor Range Rank Real RealDiv Reciprocal Relu Relu6
  Reshape ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor Reverse ReverseSequence ReverseV2 RightShift Rint Roll
  Round Rsqrt ScaleAndTranslate ScatterNd ScatterNdNonAliasingAdd SegmentMax SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2
  SegmentProd SegmentSum SegmentSumV2 Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Snapshot Softmax
  Softplus Softsign SpaceToBatch SpaceToBatchND SpaceToDepth SparseFillEmptyRows SparseReduceSum SparseReorder SparseReshape
  SparseSegmentMean SparseSegmentSqrtN SparseSegmentSum SparseTensorDenseMatMul SparseToDense Split SplitV Sqrt
  Square SquaredDifference Squeeze StopGradient StridedSlice Sub Sum Switch Tan Tanh TensorListConcatV2 TensorListElementShape
  TensorListFromTensor TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
  TensorListReserve TensorListResize TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack EmptyTensorList
  TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate Tile TopKV2 Transpose
  TruncateDiv TruncateMod Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex UnsortedSegmentMax
  UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound Where Xdivy Xlog1py Xlogy ZerosLike
  Zeta
`;

/** They run functions of the file, whose operators are checked as well. */
const control = `
  PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile Case StatelessCase Enter Exit NextIteration LoopCond
`;

/** They read variables, which nothing in the graph writes. The variables themselves are arguments (compose.ts). */
const variables = 'ReadVariableOp ResourceGather ResourceGatherNd VariableShape';

export const savedModelOperators: ReadonlySet<string> = new Set(`${names} ${control} ${variables}`.trim().split(/\s+/));
