// Prints record_batches.txt:  javac -cp "$JARS/*" RecordBatches.java && java -cp "$JARS/*:." RecordBatches
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.compress.*;
import org.apache.kafka.common.header.*;
import org.apache.kafka.common.header.internals.*;
import org.apache.kafka.common.message.*;
import java.nio.ByteBuffer;
import java.util.*;
public class RecordBatches {
  static String hex(ByteBuffer b){ byte[] a=new byte[b.remaining()]; b.duplicate().get(a); return HexFormat.of().formatHex(a);}
  static void put(String n, MemoryRecords r){ System.out.println(n+" "+hex(r.buffer())); }
  static MemoryRecords build(Compression c, TimestampType tt, long base, long lat, long pid, short ep, int seq, boolean tx, int le){
    MemoryRecordsBuilder b=new MemoryRecordsBuilder(ByteBuffer.allocate(1<<20),(byte)2,c,tt,base,lat,pid,ep,seq,tx,false,le,1<<20);
    b.appendWithOffset(base,1700000000000L,"k1".getBytes(),"v1".getBytes(),new Header[0]);
    b.appendWithOffset(base+1,1700000000005L,(byte[])null,"value two".getBytes(),new Header[]{new RecordHeader("h",(byte[])null),new RecordHeader("hé","x".getBytes())});
    b.appendWithOffset(base+5,1699999999000L,"k3".getBytes(),(byte[])null,new Header[0]);
    b.appendWithOffset(base+300,1700000100000L,new byte[0],new byte[200],new Header[]{new RecordHeader("",new byte[0])});
    return b.build();
  }
  public static void main(String[] a) throws Exception {
    put("plain",build(Compression.NONE,TimestampType.CREATE_TIME,0,-1,-1,(short)-1,-1,false,-1));
    put("idempotent",build(Compression.NONE,TimestampType.CREATE_TIME,77,-1,4000,(short)3,2147483640,false,9));
    put("transactional",build(Compression.NONE,TimestampType.CREATE_TIME,1L<<40,-1,1L<<50,(short)32767,5,true,2));
    put("append_time",build(Compression.NONE,TimestampType.LOG_APPEND_TIME,12,1800000000000L,-1,(short)-1,-1,false,0));
    for(String n: new String[]{"gzip","snappy","lz4","zstd"}) put(n,build(Compression.of(n).build(),TimestampType.CREATE_TIME,3,-1,-1,(short)-1,-1,false,1));
    put("commit",MemoryRecords.withEndTransactionMarker(10,1700000000000L,4,55,(short)6,new EndTransactionMarker(ControlRecordType.COMMIT,7)));
    put("abort",MemoryRecords.withEndTransactionMarker(0,1700000000000L,-1,55,(short)6,new EndTransactionMarker(ControlRecordType.ABORT,0)));
    put("leader_change",MemoryRecords.withLeaderChangeMessage(0,1700000000000L,1,ByteBuffer.allocate(1024),new LeaderChangeMessage().setVersion((short)0).setLeaderId(1).setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1))).setGrantingVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1)))));
    put("snapshot_header",MemoryRecords.withSnapshotHeaderRecord(0,1700000000000L,1,ByteBuffer.allocate(1024),new SnapshotHeaderRecord().setVersion((short)0).setLastContainedLogTimestamp(5)));
    put("snapshot_footer",MemoryRecords.withSnapshotFooterRecord(9,1700000000000L,1,ByteBuffer.allocate(1024),new SnapshotFooterRecord().setVersion((short)0)));
    put("kraft_version",MemoryRecords.withKRaftVersionRecord(0,1700000000000L,1,ByteBuffer.allocate(1024),new KRaftVersionRecord().setVersion((short)0).setKRaftVersion((short)1)));
    put("voters",MemoryRecords.withVotersRecord(0,1700000000000L,1,ByteBuffer.allocate(1024),new VotersRecord().setVersion((short)0)));
  }
}
